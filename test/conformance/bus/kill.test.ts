/** kill -9 of the broker under load: nothing that was confirmed is lost, and clients come back. */
import amqp from "amqplib";
import { expect, test } from "vitest";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";

describeOnBrokers("a broker that is killed", (broker) => {
  test.skipIf(!broker.killable)("keeps what it confirmed, with its topology, and doubles at most", async () => {
    const [exchange, queue] = [unique("out"), unique("all")];
    const first = await amqp.connect(broker.url);
    first.on("error", () => undefined);
    const channel = await first.createConfirmChannel();
    channel.on("error", () => undefined);
    await channel.assertExchange(exchange, "topic", { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, exchange, "p.#");

    const confirmed = new Set<string>();
    let [sent, going] = [0, true];
    first.on("close", () => (going = false));
    const publish = (): void => {
      if (!going) return;
      const messageId = String(sent++);
      try {
        channel.publish(exchange, "p.1", Buffer.from(messageId), { persistent: true, messageId }, (failed) => {
          if (failed === null || failed === undefined) confirmed.add(messageId);
          publish();
        });
      } catch {
        going = false;
      }
    };
    for (let index = 0; index < 200; index++) publish();
    await eventually(() => (confirmed.size > 2000 ? true : undefined), "2,000 confirms");
    await broker.kill9();
    await eventually(() => (going ? undefined : true), "the client hears of it");
    await broker.restart();

    const second = await amqp.connect(broker.url);
    const reader = await second.createChannel();
    const seen = new Set<string>();
    await reader.consume(queue, (message) => {
      if (message === null) return;
      seen.add(message.content.toString());
      reader.ack(message);
    });
    await eventually(
      () => ([...confirmed].every((id) => seen.has(id)) ? true : undefined),
      "every confirmed id is back",
    );
    expect(seen.size).toBeLessThanOrEqual(sent);
    await second.close();
  });
});
