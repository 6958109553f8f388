/** Connections, channels and what bad input gets: codes as RabbitMQ gives them. */
import { describe, expect, test } from "vitest";
import { EMPTY_TABLE } from "@shoal/emulator/bus/wire/fields.ts";
import { contentFrames } from "@shoal/emulator/bus/wire/frames.ts";
import { writeProperties } from "@shoal/emulator/bus/wire/properties.ts";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";
import { RawClient, rawClient } from "./raw-client.ts";

describeOnBrokers("the protocol", (broker) => {
  const closedWith = async (client: RawClient, code: number): Promise<void> => {
    const close = await client.expect("connection.close");
    expect(close.args.code, close.args.text).toBe(code);
    client.send(0, "connection.close-ok", {});
    await client.ended();
  };

  describe("a login", () => {
    test.each(["PLAIN", "AMQPLAIN"])("by %s is let in", async (mechanism) => {
      const client = new RawClient(broker.url);
      await client.login({ mechanism });
      const { args } = await client.expect("connection.tune");
      expect(args.frameMax).toBeGreaterThanOrEqual(8192);
      expect(args.channelMax).toBeGreaterThan(0);
      client.close();
    });

    test.each([
      ["a wrong password", { password: "wrong" }],
      ["an unknown user", { user: "nobody" }],
      ["a wrong password by AMQPLAIN", { password: "wrong", mechanism: "AMQPLAIN" }],
    ])("with %s is refused with 403", async (_what, login) => {
      const client = new RawClient(broker.url);
      await client.login(login);
      await closedWith(client, 403);
    });

    test("to another virtual host is refused with 530", async () => {
      const client = new RawClient(broker.url);
      await client.login();
      await client.expect("connection.tune");
      client.send(0, "connection.tune-ok", { channelMax: 100, frameMax: 131_072, heartbeat: 0 });
      client.send(0, "connection.open", { vhost: "elsewhere", reserved1: "", reserved2: false });
      await closedWith(client, 530);
    });
  });

  test("another protocol hears which one is spoken", async () => {
    const client = new RawClient(broker.url);
    let bytes = Buffer.alloc(0);
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
    client.socket.write("GET / HTTP/1.1\r\n\r\n");
    await client.ended();
    expect(bytes.toString("latin1")).toBe("AMQP\0\0\x09\x01");
  });

  test("heartbeats come, and a silent peer is dropped", async () => {
    const client = new RawClient(broker.url);
    await client.open({ heartbeat: 1 });
    await eventually(() => (client.heartbeats >= 2 ? true : undefined), "two heartbeats");
    await client.ended();
  });

  test("an honest close is answered", async () => {
    const client = await rawClient(broker.url);
    await client.call(1, "channel.close", { code: 200, text: "", classId: 0, methodId: 0 }, "channel.close-ok");
    await client.channel(1);
    await client.call(0, "connection.close", { code: 200, text: "", classId: 0, methodId: 0 }, "connection.close-ok");
    client.close();
  });

  describe("a soft error closes the channel, and only that:", () => {
    const soft = async (code: number, act: (client: RawClient) => void): Promise<void> => {
      const client = await rawClient(broker.url);
      await client.channel(2);
      act(client);
      const close = await client.expect("channel.close");
      expect(close.args.code, close.args.text).toBe(code);
      // What was sent before the close was heard goes by.
      client.send(1, "basic.qos", { size: 0, count: 1, global: false });
      client.send(1, "channel.close-ok", {});
      await client.call(2, "basic.qos", { size: 0, count: 1, global: false }, "basic.qos-ok");
      await client.channel(1);
      client.close();
    };
    const declaration = { reserved: 0, passive: false, exclusive: false, autoDelete: false, nowait: false };

    test("404 for a queue that is not there", () =>
      soft(404, (client) =>
        client.send(1, "queue.declare", {
          ...declaration,
          queue: unique("none"),
          passive: true,
          durable: false,
          arguments: EMPTY_TABLE,
        }),
      ));
    test("404 for publishing to an exchange that is not there", () =>
      soft(404, (client) => client.publish(1, { exchange: unique("none"), routingKey: "k" }, "x")));
    test("403 for a reserved queue name", () =>
      soft(403, (client) =>
        client.send(1, "queue.declare", { ...declaration, queue: "amq.mine", durable: false, arguments: EMPTY_TABLE }),
      ));
    test("403 for binding to the default exchange", () =>
      soft(403, (client) => {
        const queue = unique("q");
        client.send(1, "queue.declare", {
          ...declaration,
          queue,
          exclusive: true,
          durable: false,
          nowait: true,
          arguments: EMPTY_TABLE,
        });
        client.send(1, "queue.bind", {
          reserved: 0,
          queue,
          exchange: "",
          routingKey: "k",
          nowait: false,
          arguments: EMPTY_TABLE,
        });
      }));
    test("406 for acknowledging what was never delivered", () =>
      soft(406, (client) => client.send(1, "basic.ack", { deliveryTag: 7n, multiple: false })));
    test("406 for an expiration that is no number", () =>
      soft(406, (client) => {
        const queue = unique("q");
        client.send(1, "queue.declare", {
          ...declaration,
          queue,
          exclusive: true,
          durable: false,
          nowait: true,
          arguments: EMPTY_TABLE,
        });
        client.publish(1, { routingKey: queue }, "x", { expiration: "soon" });
      }));
    test("406 for another user's id", () =>
      soft(406, (client) => client.publish(1, { exchange: "amq.topic", routingKey: "k" }, "x", { userId: "nobody" })));
  });

  describe("a hard error closes the connection:", () => {
    const hard = async (code: number, act: (client: RawClient) => void): Promise<void> => {
      const client = await rawClient(broker.url);
      act(client);
      await closedWith(client, code);
      const next = await rawClient(broker.url);
      next.close();
    };
    const exchange = { reserved: 0, passive: false, durable: false, autoDelete: false, internal: false, nowait: false };

    test("501 for a frame without its end", () =>
      hard(501, (client) => client.socket.write(Buffer.from([1, 0, 1, 0, 0, 0, 4, 0, 10, 0, 10, 0]))));
    test("503 for an unknown type of exchange", () =>
      hard(503, (client) =>
        client.send(1, "exchange.declare", { ...exchange, exchange: unique("x"), type: "odd", arguments: EMPTY_TABLE }),
      ));
    test("504 for a channel that is not open", () =>
      hard(504, (client) => client.send(9, "basic.qos", { size: 0, count: 1, global: false })));
    test("504 for a channel opened twice", () =>
      hard(504, (client) => client.send(1, "channel.open", { reserved: "" })));
    test("505 for a body without a method", () =>
      hard(505, (client) => client.socket.write(Buffer.from([3, 0, 1, 0, 0, 0, 1, 65, 0xce]))));
    test("530 for a consumer tag used twice", () =>
      hard(530, (client) => {
        const queue = unique("q");
        const consume = {
          reserved: 0,
          queue,
          consumerTag: "t",
          noLocal: false,
          noAck: true,
          exclusive: false,
          nowait: true,
          arguments: EMPTY_TABLE,
        };
        client.send(1, "queue.declare", {
          reserved: 0,
          queue,
          passive: false,
          durable: false,
          exclusive: true,
          autoDelete: false,
          nowait: true,
          arguments: EMPTY_TABLE,
        });
        client.send(1, "basic.consume", consume);
        client.send(1, "basic.consume", consume);
      }));
    test("540 for a prefetch in bytes", () =>
      hard(540, (client) => client.send(1, "basic.qos", { size: 100, count: 1, global: false })));
    test("540 for immediate", () =>
      hard(540, (client) => {
        const to = { reserved: 0, exchange: "amq.topic", routingKey: "k", mandatory: false, immediate: true };
        client.send(1, "basic.publish", to);
        client.socket.write(contentFrames(1, writeProperties({}), Buffer.from("x"), 4096));
      }));
  });

  test("a frame above what was agreed ends the connection with 501", async () => {
    const client = new RawClient(broker.url);
    await client.open({ frameMax: 4096 });
    const frame = Buffer.alloc(5000);
    frame.writeUInt8(3, 0);
    frame.writeUInt16BE(1, 1);
    frame.writeUInt32BE(4992, 3);
    frame[4999] = 0xce;
    client.socket.write(frame);
    await closedWith(client, 501);
  });

  test("a body larger than a frame comes in frames no larger than agreed", async () => {
    const client = new RawClient(broker.url);
    await client.open({ frameMax: 4096 });
    await client.channel();
    const queue = unique("q");
    await client.queue(1, queue, { exclusive: true });
    const body = Buffer.alloc(100_000, "shoal");
    client.publish(1, { routingKey: queue }, body, { contentType: "text/plain" });
    const got = await eventually(async () => {
      const reply = client.call(1, "basic.get", { reserved: 0, queue, noAck: true }, "basic.get-ok");
      return (await reply).body;
    }, "the message");
    expect(got?.equals(body)).toBe(true);
    client.close();
  });
});
