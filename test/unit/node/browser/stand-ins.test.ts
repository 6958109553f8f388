/** What stands in for Node and native packages gives what they give, byte for byte. */
import * as crypto from "node:crypto";
import * as net from "node:net";
import { Readable } from "node:stream";
import { createGunzip as nodeGunzip, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import sodium from "sodium-native";
import { describe, expect, test } from "vitest";
import { seeded } from "@shoal/shared/base/random.ts";
import { Buffer as TabBuffer } from "@shoal/node/browser/stand-ins/buffer.ts";
import * as tabCrypto from "@shoal/node/browser/stand-ins/crypto.ts";
import * as small from "@shoal/node/browser/stand-ins/small.ts";
import tab from "@shoal/node/browser/stand-ins/sodium-native.ts";
import { createGunzip as tabGunzip } from "@shoal/node/browser/stand-ins/zlib.ts";

const random = seeded(11);
const bytes = (length: number): Buffer => Buffer.from(random.bytes(length));
const SIZES = [0, 1, 31, 32, 33, 1000, 70_000];
/** Each with each: what one makes the other takes. */
const PAIRS = [
  ["native to tab", sodium, tab],
  ["tab to native", tab, sodium],
] as const;

interface Keys {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

function signingKeys(lib: Pick<typeof sodium, "crypto_sign_seed_keypair">, seed: Buffer): Keys {
  const keys = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(64) };
  lib.crypto_sign_seed_keypair(keys.publicKey, keys.secretKey, seed);
  return keys;
}

function boxKeys(
  lib: Pick<typeof sodium, "crypto_sign_ed25519_pk_to_curve25519" | "crypto_sign_ed25519_sk_to_curve25519">,
  { publicKey, secretKey }: Keys,
): Keys {
  const keys = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(32) };
  lib.crypto_sign_ed25519_pk_to_curve25519(keys.publicKey, publicKey);
  lib.crypto_sign_ed25519_sk_to_curve25519(keys.secretKey, secretKey);
  return keys;
}

describe("sodium", () => {
  test("has the same sizes", () => {
    const sizes = Object.entries(tab).filter(([, value]) => typeof value === "number");
    expect(sizes.length).toBeGreaterThan(5);
    for (const [name, size] of sizes) expect([name, size]).toEqual([name, Reflect.get(sodium, name)]);
  });

  test("makes the same keys, converts them alike, and signs with the same bytes", () => {
    for (const size of SIZES) {
      const [seed, message] = [bytes(32), bytes(size)];
      const keys = signingKeys(tab, seed);
      expect(keys).toEqual(signingKeys(sodium, seed));
      expect(boxKeys(tab, keys)).toEqual(boxKeys(sodium, keys));
      const signatures = [tab, sodium].map((lib) => {
        const signature = Buffer.alloc(64);
        lib.crypto_sign_detached(signature, message, keys.secretKey);
        return signature.toString("hex");
      });
      expect(signatures[0]).toBe(signatures[1]);
    }
  });

  test("holds every signature for the same, also those that are bent", () => {
    const { publicKey, secretKey } = signingKeys(sodium, bytes(32));
    const message = bytes(100);
    const signature = Buffer.alloc(64);
    sodium.crypto_sign_detached(signature, message, secretKey);
    const judge = (one: Buffer, text: Buffer, key: Buffer): boolean => {
      const [ours, theirs] = [tab, sodium].map((lib) => lib.crypto_sign_verify_detached(one, text, key));
      expect(ours).toBe(theirs);
      return ours === true;
    };
    expect(judge(signature, message, publicKey)).toBe(true);
    for (let at = 0; at < 64; at++) {
      const bent = Buffer.from(signature);
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      expect(judge(bent, message, publicKey)).toBe(false);
    }
    expect(judge(signature, bytes(100), publicKey)).toBe(false);
    // Keys of small order, and what is no key.
    for (const key of [Buffer.alloc(32), Buffer.alloc(32, 1), Buffer.alloc(32, 255), Buffer.from([1, ...bytes(31)])])
      judge(signature, message, key);
  });

  test.each(PAIRS)("opens sealed boxes: %s", (_, from, to) => {
    const keys = boxKeys(sodium, signingKeys(sodium, bytes(32)));
    for (const size of SIZES) {
      const message = bytes(size);
      const sealed = Buffer.alloc(size + 48);
      from.crypto_box_seal(sealed, message, keys.publicKey);
      const opened = Buffer.alloc(size);
      expect(to.crypto_box_seal_open(opened, sealed, keys.publicKey, keys.secretKey)).toBe(true);
      expect(opened.equals(message)).toBe(true);
      sealed[0] = (sealed[0] ?? 0) ^ 1;
      expect(to.crypto_box_seal_open(opened, sealed, keys.publicKey, keys.secretKey)).toBe(false);
    }
  });

  test.each(PAIRS)("opens what is encrypted, with and without more beside it: %s", (_, from, to) => {
    for (const size of SIZES) {
      for (const beside of [null, Buffer.alloc(0), bytes(40)]) {
        const [message, nonce, key] = [bytes(size), bytes(24), bytes(32)];
        const sealed = Buffer.alloc(size + 16);
        expect(from.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, message, beside, null, nonce, key)).toBe(
          size + 16,
        );
        const opened = Buffer.alloc(size);
        const open = (given: Buffer) =>
          to.crypto_aead_xchacha20poly1305_ietf_decrypt(opened, null, given, beside, nonce, key);
        expect(open(sealed)).toBe(size);
        expect(opened.equals(message)).toBe(true);
        const bent = Buffer.from(sealed);
        bent[size] = (bent[size] ?? 0) ^ 128;
        expect(() => open(bent)).toThrow(Error);
      }
    }
  });
});

describe("crypto", () => {
  test("hashes alike, in one go and in pieces", () => {
    for (const size of SIZES) {
      const content = bytes(size);
      expect(tabCrypto.hash("sha256", content, "hex")).toBe(crypto.hash("sha256", content, "hex"));
      expect(tabCrypto.hash("sha256", content, "buffer")).toEqual(crypto.hash("sha256", content, "buffer"));
      const cut = Math.floor(size / 3);
      const pieces = tabCrypto.createHash("sha256").update(content.subarray(0, cut)).update(content.subarray(cut));
      expect(pieces.digest()).toEqual(crypto.createHash("sha256").update(content).digest());
    }
    const text = "Größe";
    expect(tabCrypto.createHash("sha256").update(text).digest("hex")).toBe(
      crypto.createHash("sha256").update(text).digest("hex"),
    );
  });

  test("refuses what it has not", () => {
    expect(() => tabCrypto.createHash("sha512")).toThrow("sha512");
  });
});

test("Buffer writes and reads text as Node's does", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (content) => {
      const text = Buffer.from(content).toString("base64url");
      expect(TabBuffer.from(content).toString("base64url")).toBe(text);
      expect(Uint8Array.from(TabBuffer.from(text, "base64url"))).toEqual(content);
      for (const encoding of ["hex", "base64", "utf8", "latin1"] as const)
        expect(TabBuffer.from(content).toString(encoding)).toBe(Buffer.from(content).toString(encoding));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(40), fc.nat(40), (text, start, end) => {
      expect(Uint8Array.from(TabBuffer.from(text))).toEqual(Uint8Array.from(Buffer.from(text)));
      expect(TabBuffer.byteLength(text)).toBe(Buffer.byteLength(text));
      for (const encoding of [undefined, "utf8", "utf-8", "base64url", "hex"] as const)
        expect(TabBuffer.from(text).toString(encoding, start, end)).toBe(
          Buffer.from(text).toString(encoding, start, end),
        );
    }),
  );
  for (const text of ["\ud800", "a\udc00b", "\ufeffmarked", "\ud83d\ude00"]) {
    expect(TabBuffer.from(text).toString()).toBe(Buffer.from(text).toString());
    expect(TabBuffer.byteLength(text)).toBe(Buffer.byteLength(text));
  }
  expect([TabBuffer.isEncoding("base64url"), TabBuffer.isEncoding("base65")]).toEqual([true, false]);
});

test("addresses are told apart as Node does", () => {
  const tricky = [
    "1.2.3.4",
    "01.2.3.4",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.",
    "::",
    "::1",
    "fe80::1",
    "1::2::3",
    "::ffff:1.2.3.4",
  ];
  const more = [
    "",
    "localhost",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "[::1]",
    "::1]",
    "::1/",
    "1.2.3.4:5",
    "g::",
  ];
  for (const text of [...tricky, ...more])
    expect([text, small.isIPv4(text), small.isIPv6(text), small.isIP(text)]).toEqual([
      text,
      net.isIPv4(text),
      net.isIPv6(text),
      net.isIP(text),
    ]);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 20 })), (text) => {
      expect([small.isIPv4(text), small.isIPv6(text)]).toEqual([net.isIPv4(text), net.isIPv6(text)]);
    }),
  );
});

describe("gunzip", () => {
  const bent = (content: Buffer, at: number): Buffer => {
    const copy = Buffer.from(content);
    copy[copy.length + at] = (copy.at(at) ?? 0) ^ 1;
    return copy;
  };
  const through = async (make: () => NodeJS.ReadWriteStream, content: Buffer, step: number): Promise<Buffer> => {
    const pieces = Array.from({ length: Math.ceil(content.length / step) }, (_, n) =>
      content.subarray(n * step, (n + 1) * step),
    );
    const out: Buffer[] = [];
    const stream = make();
    Readable.from(pieces)
      .on("error", () => undefined)
      .pipe(stream);
    for await (const chunk of stream) out.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(out);
  };

  test.each([1, 7, 1000, 1_000_000])("unpacks what came in pieces of %i", async (step) => {
    const content = Buffer.concat([bytes(3000), Buffer.alloc(5000, "a")]);
    const packed = gzipSync(content);
    expect((await through(tabGunzip, packed, step)).equals(content)).toBe(true);
  });

  test.each([
    ["is no gzip", Buffer.from("this is no gzip at all")],
    ["is cut off", gzipSync(bytes(3000)).subarray(0, 2000)],
    ["is not what its sum says", bent(gzipSync(bytes(3000)), -8)],
    ["is not as long as it says", bent(gzipSync(bytes(3000)), -1)],
    ["lacks its end", gzipSync(bytes(3000)).subarray(0, -3)],
    ["is empty of content", gzipSync(bytes(3000)).subarray(0, 5)],
  ])("fails, as Node does, where it %s", async (_, content) => {
    await expect(through(nodeGunzip, content, 100)).rejects.toThrow(Error);
    await expect(through(tabGunzip, content, 100)).rejects.toThrow(Error);
  });
});
