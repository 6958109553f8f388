/** Whatever bytes come, the broker does not fall: it refuses with a code, and serves the next honest client. */
import { once } from "node:events";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { METHODS, type MethodName } from "@shoal/emulator/bus/wire/methods.ts";
import { methodFrame, PROTOCOL_HEADER } from "@shoal/emulator/bus/wire/frames.ts";
import { RawClient, rawClient } from "../../../conformance/bus/raw-client.ts";
import { embeddedBroker } from "../../../support/brokers.ts";

const broker = embeddedBroker();
let pid = 0;
beforeAll(async () => {
  await broker.start();
  pid = broker.pid;
});
afterAll(() => broker.stop());

/** A client that declares, publishes, gets and says goodbye. */
async function honest(): Promise<void> {
  const client = await rawClient(broker.url);
  await client.queue(1, "honest", { exclusive: true });
  client.publish(1, { routingKey: "honest" }, "ping");
  const { body } = await client.call(1, "basic.get", { reserved: 0, queue: "honest", noAck: true }, "basic.get-ok");
  expect(body?.toString()).toBe("ping");
  await client.call(0, "connection.close", { code: 200, text: "", classId: 0, methodId: 0 }, "connection.close-ok");
  client.close();
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const shortstr = fc.constantFrom("", "q", "x", "amq.topic", "a.#", "topic", "direct", "\u0000");
const VALUES = {
  octet: fc.nat(255),
  short: fc.nat(3),
  long: fc.nat(10),
  longlong: fc.bigInt({ min: 0n, max: 5n }),
  bit: fc.boolean(),
  shortstr,
  longstr: bytes,
  table: fc.constant(new Map()),
};
const method = fc.constantFrom(...(Object.keys(METHODS) as MethodName[])).chain((name) => {
  const fields = Object.entries<keyof typeof VALUES>(METHODS[name].fields);
  const args = fc.record(Object.fromEntries(fields.map(([field, type]) => [field, VALUES[type]])));
  return fc.tuple(fc.nat(2), args).map(([channel, value]) => Buffer.from(methodFrame(channel, name, value as never)));
});
/** A frame of any type with any payload, its end octet right or wrong. */
const frame = fc
  .tuple(fc.constantFrom(1, 2, 3, 8, 9), fc.nat(3), bytes, fc.constantFrom(0xce, 0xce, 0xce, 0))
  .map(([type, channel, payload, end]) => {
    const whole = Buffer.alloc(payload.length + 8);
    whole.writeUInt8(type, 0);
    whole.writeUInt16BE(channel, 1);
    whole.writeUInt32BE(payload.length, 3);
    payload.copy(whole, 7);
    whole[whole.length - 1] = end;
    return whole;
  });

/** Says it, ends its own side, and waits until the broker has ended the other. */
async function say(client: RawClient, said: readonly Buffer[]): Promise<void> {
  const gone = new Promise((resolve) => client.socket.once("close", resolve));
  if (client.socket.closed) return;
  client.socket.removeAllListeners("data");
  client.socket.on("data", () => undefined);
  for (const each of said) if (!client.closed) client.socket.write(each);
  client.socket.end();
  await gone;
}

test("whatever bytes come before the handshake", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(bytes, frame, method), { maxLength: 6 }), fc.boolean(), async (said, header) => {
      const client = new RawClient(broker.url);
      await once(client.socket, "connect");
      await say(client, header ? [PROTOCOL_HEADER, ...said] : said);
    }),
    { numRuns: 150 },
  );
  await honest();
  expect(broker.pid).toBe(pid);
});

test("whatever methods and frames come on an open connection", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof({ weight: 4, arbitrary: method }, frame), { maxLength: 15 }), async (said) => {
      await say(await rawClient(broker.url), said);
    }),
    { numRuns: 250 },
  );
  await honest();
});

test("a flood of connections that say nothing and go", async () => {
  await Promise.all(
    Array.from({ length: 300 }, async () => {
      const client = new RawClient(broker.url);
      await once(client.socket, "connect");
      client.socket.resetAndDestroy();
    }),
  );
  await honest();
});
