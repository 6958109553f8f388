/**
 * A conversation on one channel: both sides prove the account that they act for, then one asks and the other answers, in
 * turns. The transport proves peer ids; the proof here is a signature over both of them and over a number of each side, so it
 * is worth nothing on any other channel.
 */
import { ShoalError, type ErrorCode, ERROR_STATUS } from "@shoal/shared/base/errors.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import { bytesOf, idOf, type PublicKey } from "../model/ids.ts";
import { sign, verify, type KeyPair } from "../model/keys.ts";
import type { Channel, Network, PeerId } from "../network/contract.ts";
import { decode, encode, type Codec } from "./codec.ts";
import { EXCHANGES, KINDS, type AnswerOf, type AskOf, type Kind } from "./exchanges.ts";

/** How long the handshake, and a single answer, may take. */
export const HANDSHAKE_WITHIN: DurationMs = milliseconds(5000);
export const ANSWER_WITHIN: DurationMs = milliseconds(15_000);
/** How long the answering side keeps a channel on which nothing is asked. */
export const IDLE_WITHIN: DurationMs = milliseconds(120_000);

const VERSION = 1;
const DOMAIN = "shoal.session.v1";
const NONCE = 32;

export interface Session {
  readonly peer: PeerId;
  /** Whose account the peer has proven. */
  readonly account: PublicKey;
  readonly channel: Channel;
  /** Rejects with the peer's error, `deadline_exceeded`, `unavailable`, or `invalid_argument` for an answer that is none. */
  ask<K extends Kind>(kind: K, request: AskOf<K>): Promise<AnswerOf<K>>;
}

/** The peer answered, and its answer is no: nothing is wrong with the channel. */
export class PeerRefusal extends ShoalError {}

/** The channel failed, or what came on it is nothing that an honest peer says: it is the peer's doing, not this node's. */
export class PeerFault extends ShoalError {}

interface Self {
  readonly network: Pick<Network, "self">;
  readonly account: KeyPair;
  readonly random: Random;
}

/** Opens the asking side on a fresh channel; rejects `unauthenticated` where the peer cannot prove its account. */
export async function openSession(self: Self, channel: Channel): Promise<Session> {
  const nonce = self.random.bytes(NONCE);
  const own = bytesOf(self.account.publicKey);
  await channel.send(new BorshWriter().u8(VERSION).fixed(own).fixed(nonce).done());
  const welcome = new BorshReader(await frame(channel, HANDSHAKE_WITHIN));
  const account = Uint8Array.from(welcome.fixed(32));
  const theirs = Uint8Array.from(welcome.fixed(NONCE));
  const signature = welcome.fixed(64);
  welcome.end();
  const transcript = { asker: self.network.self, answerer: channel.peer, askerAccount: own, answererAccount: account };
  const said = (role: number): Uint8Array => transcriptOf(role, transcript, nonce, theirs);
  if (!verify(signature, said(ANSWERER), account)) {
    throw new ShoalError("unauthenticated", "the peer does not hold the account that it names");
  }
  await channel.send(sign(self.account.secret, said(ASKER)));
  const publicKey = idOf<PublicKey>(account);
  return { peer: channel.peer, account: publicKey, channel, ask: (kind, request) => ask(channel, kind, request) };
}

/** The answering side's half; resolves with the asker's account, rejects `unauthenticated`. */
export async function acceptSession(self: Self, channel: Channel): Promise<PublicKey> {
  const hello = new BorshReader(await frame(channel, HANDSHAKE_WITHIN));
  const version = hello.u8();
  if (version !== VERSION) throw new ShoalError("invalid_argument", `a session of version ${VERSION} expected`);
  const account = Uint8Array.from(hello.fixed(32));
  const theirs = Uint8Array.from(hello.fixed(NONCE));
  hello.end();
  const nonce = self.random.bytes(NONCE);
  const own = bytesOf(self.account.publicKey);
  const transcript = { asker: channel.peer, answerer: self.network.self, askerAccount: account, answererAccount: own };
  const said = (role: number): Uint8Array => transcriptOf(role, transcript, theirs, nonce);
  const proof = sign(self.account.secret, said(ANSWERER));
  await channel.send(new BorshWriter().fixed(own).fixed(nonce).fixed(proof).done());
  const signature = await frame(channel, HANDSHAKE_WITHIN);
  if (!verify(signature, said(ASKER), account)) {
    throw new ShoalError("unauthenticated", "the peer does not hold the account that it names");
  }
  return idOf<PublicKey>(account);
}

const ASKER = 0;
const ANSWERER = 1;

interface Transcript {
  readonly asker: PeerId;
  readonly answerer: PeerId;
  readonly askerAccount: Uint8Array;
  readonly answererAccount: Uint8Array;
}

function transcriptOf(role: number, said: Transcript, askerNonce: Uint8Array, answererNonce: Uint8Array): Uint8Array {
  return new BorshWriter()
    .string(DOMAIN)
    .u8(role)
    .string(said.asker)
    .string(said.answerer)
    .fixed(said.askerAccount)
    .fixed(said.answererAccount)
    .fixed(askerNonce)
    .fixed(answererNonce)
    .done();
}

/** Answers what is asked until the asker closes, is silent for long, or asks what nobody honest asks. */
export async function answerSession(
  channel: Channel,
  answer: <K extends Kind>(kind: K, request: AskOf<K>) => Promise<AnswerOf<K>>,
): Promise<void> {
  for (;;) {
    const asked = await channel.receive(IDLE_WITHIN);
    if (asked === undefined) return;
    const kind = KINDS[asked[0] ?? KINDS.length];
    if (kind === undefined) throw new ShoalError("invalid_argument", "nothing is asked by that number");
    // The table pairs each kind with its own codecs; the index cannot tell the compiler that this is the pair.
    const { ask, answer: told } = EXCHANGES[kind] as unknown as {
      ask: Codec<AskOf<Kind>>;
      answer: Codec<AnswerOf<Kind>>;
    };
    const request = decode(ask, asked.subarray(1));
    let reply: Uint8Array;
    try {
      reply = Buffer.concat([Uint8Array.of(OK), encode(told, await answer(kind, request))]);
    } catch (thrown) {
      if (!(thrown instanceof ShoalError)) throw thrown;
      reply = new BorshWriter().u8(REFUSED).string(thrown.code).string(thrown.message).done();
    }
    await channel.send(reply);
  }
}

const OK = 0;
const REFUSED = 1;

async function ask<K extends Kind>(channel: Channel, kind: K, request: AskOf<K>): Promise<AnswerOf<K>> {
  const codecs = EXCHANGES[kind] as unknown as { ask: Codec<AskOf<K>>; answer: Codec<AnswerOf<K>> };
  const question = Buffer.concat([Uint8Array.of(KINDS.indexOf(kind)), encode(codecs.ask, request)]);
  const reply = await theirs(async () => {
    await channel.send(question);
    return frame(channel, ANSWER_WITHIN);
  });
  if (reply[0] === OK) return theirs(async () => decode(codecs.answer, reply.subarray(1)));
  const [code, message] = await theirs(async () => {
    const reader = new BorshReader(reply.subarray(1));
    return [reader.string(), reader.string()] as const;
  });
  throw new PeerRefusal(isCode(code) ? code : "unavailable", `the peer says: ${message.slice(0, 500)}`);
}

/** What fails in `work` is the peer's doing. */
export async function theirs<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof ShoalError) || thrown instanceof PeerFault) throw thrown;
    throw new PeerFault(thrown.code, thrown.message, { cause: thrown });
  }
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_STATUS, code);

async function frame(channel: Channel, within: DurationMs): Promise<Uint8Array> {
  const received = await channel.receive(within);
  if (received === undefined) throw new ShoalError("unavailable", "the peer closed the channel");
  return received;
}
