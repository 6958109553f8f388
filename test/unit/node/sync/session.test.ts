import { expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { idOf, type ContextId, type Hash, type PublicKey } from "@shoal/node/model/ids.ts";
import { keyPairOf, type KeyPair } from "@shoal/node/model/keys.ts";
import type { Channel, PeerId } from "@shoal/node/network/contract.ts";
import { decode, encode } from "@shoal/node/sync/codec.ts";
import { EXCHANGES, KINDS, type AnswerOf, type AskOf, type Kind } from "@shoal/node/sync/exchanges.ts";
import { acceptSession, answerSession, openSession, PeerRefusal, type Session } from "@shoal/node/sync/session.ts";
import { channelPair } from "../../../support/channel-pair.ts";

const random = seeded(7);
const ada = keyPairOf(random.bytes(32), "ada");
const bob = keyPairOf(random.bytes(32), "bob");
const contextId = idOf<ContextId>(random.bytes(32));
const self = (peer: PeerId, account: KeyPair) => ({ network: { self: peer }, account, random });

type Answer = <K extends Kind>(kind: K, ask: AskOf<K>) => Promise<AnswerOf<K>>;

/** Ada asks, Bob answers. */
async function talk(
  answer: Answer,
): Promise<{ session: Session; asker: PublicKey; answering: Promise<void>; channel: Channel }> {
  const [one, two] = channelPair({ clock: systemClock, ends: ["peer-ada", "peer-bob"] });
  const accepted = acceptSession(self("peer-bob", bob), two);
  const session = await openSession(self("peer-ada", ada), one);
  return { session, asker: await accepted, answering: answerSession(two, answer), channel: one };
}

const state: AnswerOf<"contextState"> = {
  isInitialized: true,
  root: idOf<Hash>(random.bytes(32)),
  heads: [idOf<Hash>(random.bytes(32))],
  deltas: 3,
  layout: "host",
  fingerprint: random.bytes(32),
};
const always = (value: unknown): Answer => (async () => value) as unknown as Answer;

test("both sides know whose account the other acts for", async () => {
  const { session, asker } = await talk(always(state));
  expect([asker, session.account, session.peer]).toEqual([ada.publicKey, bob.publicKey, "peer-bob"]);
});

test("one asks and the other answers, as often as they like", async () => {
  const { session, answering, channel } = await talk(always(state));
  for (let n = 0; n < 3; n++) expect(await session.ask("contextState", contextId)).toEqual(state);
  await channel.close();
  await answering;
});

test("a refusal is told with its code, and the conversation goes on", async () => {
  let asked = 0;
  const { session } = await talk((async () => {
    asked += 1;
    if (asked === 1) throw new ShoalError("not_found", "no such context here");
    return state;
  }) as unknown as Answer);
  const refused = session.ask("contextState", contextId);
  await expect(refused).rejects.toBeInstanceOf(PeerRefusal);
  await expect(refused).rejects.toMatchObject({ code: "not_found" });
  expect(await session.ask("contextState", contextId)).toEqual(state);
});

test("a fault of the answering side ends the conversation and says nothing of itself", async () => {
  const { session, answering } = await talk(async () => {
    throw new Error("secret of the inside");
  });
  const ended = expect(answering).rejects.toThrow("secret of the inside");
  const asked = session.ask("contextState", contextId);
  await ended;
  session.channel.abort();
  await expect(asked).rejects.toMatchObject({ code: "unavailable" });
});

test("who names an account that it does not hold is not believed", async () => {
  const [one, two] = channelPair({ clock: systemClock, ends: ["peer-ada", "peer-bob"] });
  const liar: KeyPair = { publicKey: bob.publicKey, secret: ada.secret };
  const accepted = acceptSession(self("peer-bob", bob), two);
  const refused = expect(accepted).rejects.toMatchObject({ code: "unauthenticated" });
  await openSession(self("peer-ada", liar), one);
  await refused;

  const [three, four] = channelPair({ clock: systemClock, ends: ["peer-ada", "peer-bob"] });
  const answering = acceptSession(self("peer-bob", { publicKey: ada.publicKey, secret: bob.secret }), four);
  answering.catch(() => undefined);
  await expect(openSession(self("peer-ada", ada), three)).rejects.toMatchObject({ code: "unauthenticated" });
  four.abort();
});

test("a proof that is passed on from another channel is worth nothing", async () => {
  // Mallory stands between: what Ada proves to her she shows to Bob as her own.
  const [ada1, mallory1] = channelPair({ clock: systemClock, ends: ["peer-ada", "peer-mallory"] });
  const [mallory2, bob2] = channelPair({ clock: systemClock, ends: ["peer-mallory", "peer-bob"] });
  const pass = async (from: Channel, to: Channel): Promise<void> => {
    for (;;) {
      const frame = await from.receive(HOUR).catch(() => undefined);
      if (frame === undefined) return;
      await to.send(frame).catch(() => undefined);
    }
  };
  void pass(mallory1, mallory2);
  void pass(mallory2, mallory1);
  const accepted = acceptSession(self("peer-bob", bob), bob2);
  accepted.catch(() => undefined);
  await expect(openSession(self("peer-ada", ada), ada1)).rejects.toMatchObject({ code: "unauthenticated" });
  for (const channel of [ada1, mallory1, mallory2, bob2]) channel.abort();
});

test("whatever comes instead of a question ends the conversation cleanly", async () => {
  const questions: Uint8Array[] = [
    new Uint8Array(),
    Uint8Array.of(255),
    Uint8Array.of(KINDS.indexOf("contextState"), 1, 2),
    Uint8Array.of(KINDS.indexOf("deltas"), ...new Uint8Array(32), 255, 255, 255, 255),
  ];
  for (const question of questions) {
    const { channel, answering } = await talk(always(state));
    await channel.send(question);
    await expect(answering).rejects.toMatchObject({ code: "invalid_argument" });
  }
});

test("an answer that is none is refused by the asking side", async () => {
  const garbage = [new Uint8Array(), Uint8Array.of(0, 1), Uint8Array.of(0, ...new Uint8Array(500)), Uint8Array.of(7)];
  for (const reply of garbage) {
    const [one, two] = channelPair({ clock: systemClock, ends: ["peer-ada", "peer-bob"] });
    const accepted = acceptSession(self("peer-bob", bob), two);
    const session = await openSession(self("peer-ada", ada), one);
    await accepted;
    const asked = session.ask("contextState", contextId);
    await two.receive(HOUR);
    await two.send(reply);
    await expect(asked).rejects.toMatchObject({ code: "invalid_argument" });
  }
});

test("ten thousand altered questions are read or refused, never more", () => {
  const plain: Uint8Array[] = [
    encode(EXCHANGES.deltas.ask, { contextId, ids: [idOf<Hash>(random.bytes(32))] }),
    encode(EXCHANGES.pushDeltas.ask, { contextId, deltas: [random.bytes(100), random.bytes(1)] }),
    encode(EXCHANGES.snapshotRows.ask, { after: random.bytes(9) }),
    encode(EXCHANGES.contextState.answer, state),
  ];
  const codecs = [
    EXCHANGES.deltas.ask,
    EXCHANGES.pushDeltas.ask,
    EXCHANGES.snapshotRows.ask,
    EXCHANGES.contextState.answer,
  ];
  let refused = 0;
  for (let n = 0; n < 10_000; n++) {
    const which = n % plain.length;
    const bytes = Uint8Array.from(plain[which] ?? []);
    for (let flips = 0; flips <= n % 3; flips++)
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    const cut = n % 5 === 0 ? bytes.subarray(0, Math.floor(random.next() * bytes.length)) : bytes;
    try {
      decode<unknown>(codecs[which] as never, cut);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: "invalid_argument" });
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(2000);
});

const HOUR = 3_600_000 as Parameters<Channel["receive"]>[0];
