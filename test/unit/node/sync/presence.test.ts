import { expect, test } from "vitest";
import { seeded } from "@shoal/shared/base/random.ts";
import { idOf, type ContextId } from "@shoal/node/model/ids.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import { decodePresence, encodePresence } from "@shoal/node/sync/presence.ts";

const random = seeded(3);
const ada = keyPairOf(random.bytes(32), "ada");
const [here, there] = [idOf<ContextId>(random.bytes(32)), idOf<ContextId>(random.bytes(32))];
const said = { atMs: 1_800_000_000_000, state: Uint8Array.of(1, 2, 3) };
const bytes = encodePresence(ada, here, said);

test("presence is read as its author said it", () => {
  expect(decodePresence(here, bytes)).toEqual({ ...said, author: ada.publicKey });
});

test("what was said in one context counts in no other", () => {
  expect(() => decodePresence(there, bytes)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});

test("no byte of it can be another one", () => {
  for (let at = 0; at < bytes.length; at++) {
    const altered = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));
    expect(() => decodePresence(here, altered)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  }
});

test("more than a presence may have is refused", () => {
  const large = encodePresence(ada, here, { atMs: 1, state: new Uint8Array(16 * 1024 + 1) });
  expect(() => decodePresence(here, large)).toThrow(/at most/);
});
