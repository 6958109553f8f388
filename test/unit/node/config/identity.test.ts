/** libp2p's encodings, by the vectors of its specification. */
import { base58 } from "@scure/base";
import { describe, expect, it } from "vitest";
import { seeded } from "@shoal/shared/base/random.ts";
import {
  keypairText,
  makeIdentity,
  parseKeypair,
  parseSeed,
  peerIdOf,
  seedBytes,
} from "@shoal/node/config/identity.ts";
import { idOf, type PublicKey } from "@shoal/node/model/ids.ts";

/** libp2p specifications, `peer-ids`, "Test vectors": Ed25519. */
const PRIVATE =
  "080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
const PUBLIC = "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";

describe("a key pair", () => {
  it("is that of the specification's vector", () => {
    const identity = parseKeypair(base58.encode(Buffer.from(PRIVATE, "hex")), "identity.keypair");
    expect(Buffer.from(base58.decode(identity.publicKey)).toString("hex")).toBe(PUBLIC);
    expect(keypairText(identity).reveal()).toBe(base58.encode(Buffer.from(PRIVATE, "hex")));
    expect(Buffer.from(seedBytes(identity)).toString("hex")).toBe(PRIVATE.slice(8, 72));
  });

  it("has the peer id that libp2p gives it", () => {
    const known = "12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh";
    // The identity multihash has the key inside.
    const publicKey = idOf<PublicKey>(base58.decode(known).subarray(6));
    expect(peerIdOf(publicKey)).toBe(known);
    expect(Buffer.from(base58.decode(known).subarray(0, 6)).toString("hex")).toBe("002408011220");
  });

  it("is read back as the same", () => {
    const made = makeIdentity(seeded(1));
    expect(parseKeypair(keypairText(made).reveal(), "x").publicKey).toBe(made.publicKey);
    expect(parseSeed(made.seed.reveal(), "x").publicKey).toBe(made.publicKey);
    expect(JSON.stringify(made)).not.toContain(made.seed.reveal());
  });

  it.each([
    ["no base58", "0OIl"],
    ["too short", base58.encode(Buffer.from(PRIVATE.slice(0, 100), "hex"))],
    ["another kind of key", base58.encode(Buffer.from(PRIVATE.replace("08011240", "08021240"), "hex"))],
    ["halves of two pairs", base58.encode(Buffer.from(`${PRIVATE.slice(0, -2)}00`, "hex"))],
    ["endless text", "1".repeat(100_000)],
  ])("that is %s is refused without being repeated", (_what, text) => {
    expect(() => parseKeypair(text, "identity.keypair")).toThrow(
      expect.objectContaining({
        code: "invalid_argument",
        field: "identity.keypair",
        message: expect.not.stringContaining(text),
      }),
    );
  });
});
