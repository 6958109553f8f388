/** What the chaos run judges messages by, over one kill of the broker. */
import amqp from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { startMessages } from "../../chaos/messages.ts";
import { embeddedBroker } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";

test("confirmed messages outlive a killed broker", async () => {
  const broker = embeddedBroker();
  await broker.start();
  onTestFinished(() => broker.stop());
  const said: string[] = [];
  const messages = await startMessages(broker.url, (text) => said.push(text));
  onTestFinished(() => messages.stop());
  const reader = await amqp.connect(broker.url);
  reader.on("error", () => undefined);
  const channel = await reader.createChannel();
  await channel.assertQueue("beside", { durable: true });
  await channel.bindQueue("beside", "dory.output", "chaos-messages.#");
  await eventually(
    async () => ((await channel.checkQueue("beside")).messageCount > 50 ? true : undefined),
    "they flow",
  );
  await broker.kill9();
  await broker.restart();
  expect(await messages.lost()).toEqual([]);
  expect(said.join("\n")).toMatch(/[1-9]\d* confirmed/);
});
