import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { compareSemver, isSemver } from "@shoal/shared/base/semver.ts";
import { manifestDigest, manifestPayload, parseManifest } from "@shoal/shared/wire/bundle.ts";
import { publicKeyOf, signerIdOf } from "@shoal/shared/wire/signer-id.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const wasm = { path: "app.wasm", hash: "ab".repeat(32), size: 3 };
const manifest = { version: "1.0", package: "org.example.notes", appVersion: "1.0.0", wasm };

describe("a manifest", () => {
  test("is read with the members that this reader does not know", () => {
    const read = parseManifest({ ...manifest, metadata: { name: "Notes", colour: "red" }, later: { a: 1 } });
    expect(read).toMatchObject({ later: { a: 1 }, metadata: { colour: "red" } });
  });

  test("may have services instead of one module, and null where it has nothing", () => {
    const services = [{ name: "main", wasm, abi: null }];
    expect(parseManifest({ ...manifest, wasm: null, services, abi: null }).services).toHaveLength(1);
  });

  test.each([
    ["package", { ...manifest, package: "notes" }],
    ["package", { ...manifest, package: "org..notes" }],
    ["appVersion", { ...manifest, appVersion: "1.0" }],
    ["wasm", { ...manifest, wasm: undefined }],
    ["wasm.hash", { ...manifest, wasm: { ...wasm, hash: "AB".repeat(32) } }],
    ["wasm.size", { ...manifest, wasm: { ...wasm, size: -1 } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "../app.wasm" } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "a/../../app.wasm" } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "/app.wasm" } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "a//app.wasm" } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "a\\app.wasm" } }],
    ["wasm.path", { ...manifest, wasm: { ...wasm, path: "" } }],
    ["services.0.name", { ...manifest, services: [{ name: "a b", wasm }] }],
    [
      "services",
      {
        ...manifest,
        services: [
          { name: "a", wasm },
          { name: "a", wasm },
        ],
      },
    ],
    ["signature.publicKey", { ...manifest, signature: { algorithm: "ed25519", publicKey: "x", signature: "y" } }],
  ])("is refused by its %s", (field, value) => {
    expect(() => parseManifest(value)).toThrow(
      expect.objectContaining({ code: "invalid_argument", field: `manifest.${field}` }),
    );
  });

  test("is refused where it is no object", () => {
    expect(() => parseManifest(null)).toThrow(expect.objectContaining({ field: "manifest" }));
  });
});

describe("what is signed", () => {
  test("leaves out the signature and what starts with an underscore, and keeps the unknown", () => {
    const signed = { ...manifest, signature: { algorithm: "ed25519" }, _binary: true, later: 1, nested: { _kept: 1 } };
    expect(text(manifestPayload(signed))).toBe(
      `{"appVersion":"1.0.0","later":1,"nested":{"_kept":1},"package":"org.example.notes","version":"1.0",` +
        `"wasm":{"hash":"${"ab".repeat(32)}","path":"app.wasm","size":3}}`,
    );
  });

  test("is RFC 8785 to the letter (its examples 3.2.2 and 3.2.3)", () => {
    const numbers = JSON.parse("[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0]") as unknown;
    const string = '€$\u000f\nA\'B"\\\\"/';
    const sorted = JSON.parse(
      '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew","1":"One","\\ud83d\\ude00":"Emoji","\\u0080":"Control","\\u00f6":"o"}',
    ) as Record<string, unknown>;
    expect(text(manifestPayload({ numbers, string, literals: [null, true, false] }))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    expect(Object.keys(JSON.parse(text(manifestPayload(sorted))) as object).slice(1)).toEqual([
      "\r",
      "\u0080",
      "ö",
      "€",
      "😀",
      "\ufb33",
    ]);
  });

  test("is refused where half a surrogate pair is in it, and only there", () => {
    expect(() => manifestPayload({ a: ["\ud800"] })).toThrow(expect.objectContaining({ field: "manifest" }));
    expect(() => manifestPayload({ a: "\\\ud800" })).toThrow(expect.objectContaining({ field: "manifest" }));
    expect(text(manifestPayload({ a: "\\ud800 😀" }))).toBe('{"a":"\\\\ud800 😀"}');
  });

  test("has a digest, with and without a domain", () => {
    const payload = manifestPayload(manifest);
    expect(hex(manifestDigest(payload))).toBe(sha256(payload));
    expect(hex(manifestDigest(payload, "domain"))).toBe(sha256(`calimero.bundle.manifest.v1\0${text(payload)}`));
  });
});

describe("a signer id", () => {
  // The first example of the did:key method's test vectors for Ed25519.
  const did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
  const key = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";

  test("is the did:key of its key, both ways", () => {
    expect(signerIdOf(Buffer.from(key, "hex"))).toBe(did);
    expect(hex(publicKeyOf(did))).toBe(key);
  });

  test.each([
    "did:key:z6Mk",
    "did:web:example.org",
    did.replace("z6Mk", "z6Ls"),
    `${did}1`,
    did.replaceAll("T", "0"),
    "",
    `did:key:z${"1".repeat(45)}`,
  ])("is refused where it names no such key: %s", (text) => {
    expect(() => publicKeyOf(text)).toThrow(expect.objectContaining({ code: "invalid_argument", field: "signerId" }));
  });

  test("is made of 32 bytes only", () => {
    expect(() => signerIdOf(new Uint8Array(31))).toThrow(/32 bytes/);
  });
});

describe("versions", () => {
  test("are ordered as semver.org's own example", () => {
    const ordered = [
      "junk",
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.9",
      "1.0.10",
      "1.2.0",
      "10.0.0",
      "99999999999999999999.0.0",
    ];
    for (const [at, low] of ordered.entries()) {
      for (const [other, high] of ordered.entries()) {
        expect(Math.sign(compareSemver(low, high)), `${low} against ${high}`).toBe(Math.sign(at - other));
      }
    }
    expect(compareSemver("1.0.0+a", "1.0.0+b")).toBe(0);
  });

  test.each(["1", "1.2", "v1.2.3", "01.2.3", "1.2.3-01", "1.2.3-", `1.2.${"3".repeat(200)}`])(
    "%s is none",
    (version) => {
      expect(isSemver(version)).toBe(false);
    },
  );
});
