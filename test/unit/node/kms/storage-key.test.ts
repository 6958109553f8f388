/** The exchange with a KMS that checks what it is sent. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { makeIdentity, peerIdOf } from "@shoal/node/config/identity.ts";
import { storageKeyOf } from "@shoal/node/kms/storage-key.ts";
import { bytesOf } from "@shoal/node/model/ids.ts";
import { verify } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { silentLog, type Log } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { expect, test } from "vitest";

const identity = makeIdentity(seeded(1));
const peerId = peerIdOf(identity.publicKey);
const NONCE = Buffer.alloc(32, 7);
const KEY = Buffer.alloc(32, 9);

const configOf = (url: string, attestation: object = {}): Parameters<typeof storageKeyOf>[0] =>
  ({
    identity,
    peerId,
    kms: { url, tls: {}, attestation: { enabled: false, accept_mock: true, ...attestation } },
  }) as unknown as Parameters<typeof storageKeyOf>[0];

async function withKms(refuse: boolean, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const [status, answer] = request.url === "/challenge" ? challenge(body) : getKey(body, refuse);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, string>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString()) as Record<string, string>;
}

function challenge(body: Record<string, string>): [number, object] {
  return body["peerId"] === peerId
    ? [200, { challengeId: "c1", nonceB64: NONCE.toString("base64") }]
    : [400, { error: "who?" }];
}

function getKey(body: Record<string, string>, refuse: boolean): [number, object] {
  const quote = Buffer.from(body["quoteB64"] ?? "", "base64");
  const signed = JSON.stringify({
    challengeId: "c1",
    challengeNonceHex: NONCE.toString("hex"),
    quoteHashHex: Buffer.from(sha256(quote)).toString("hex"),
    peerId,
  });
  const publicKey = Buffer.from(body["peerPublicKeyB64"] ?? "", "base64");
  const isSigned = verify(Buffer.from(body["signatureB64"] ?? "", "base64"), Buffer.from(signed), publicKey);
  const reportData = Buffer.concat([NONCE, sha256(bytesOf(identity.publicKey))]);
  if (!isSigned || !quote.subarray(-64).equals(reportData) || refuse)
    return [403, { error: "denied", details: "unknown image" }];
  return [200, { key: KEY.toString("base64") }];
}

test("a key for a quote that binds challenge and node, and it is never logged", async () => {
  await withKms(false, async (url) => {
    const said: unknown[] = [];
    const log: Log = { ...silentLog, info: (...all) => void said.push(all) };
    expect(await storageKeyOf(configOf(url), log)).toEqual(KEY);
    expect(JSON.stringify(said)).not.toMatch(new RegExp(`${KEY.toString("hex")}|${KEY.toString("base64")}`));
  });
});

test("a refusal stops the start and says why", async () => {
  await withKms(true, async (url) => {
    await expect(storageKeyOf(configOf(url), silentLog)).rejects.toMatchObject({
      code: "permission_denied",
      message: "the KMS refuses: denied unknown image",
    });
  });
  await expect(storageKeyOf(configOf("http://127.0.0.1:1"), silentLog)).rejects.toMatchObject({ code: "unavailable" });
});

test("without TDX there is no key, and none is asked for without a KMS", async () => {
  await withKms(false, async (url) => {
    await expect(storageKeyOf(configOf(url, { accept_mock: false }), silentLog)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("no quotes"),
    });
    await expect(storageKeyOf(configOf(url, { enabled: true }), silentLog)).rejects.toMatchObject({
      field: "tee.kms.phala.attestation.enabled",
    });
  });
  expect(await storageKeyOf({ identity, peerId, kms: undefined }, silentLog)).toBeUndefined();
});
