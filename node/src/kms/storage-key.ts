/** The key that a node's store is encrypted with, from the KMS of its configuration. */
import { readFile } from "node:fs/promises";
import { Agent, fetch } from "undici";
import { z } from "zod";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { NodeConfig } from "../config/config.ts";
import { seedBytes } from "../config/identity.ts";
import { bytesOf } from "../model/ids.ts";
import { sign } from "../model/keys.ts";
import { sha256 } from "../model/sha256.ts";
import { hardwareQuote, mockQuote } from "./quote.ts";

const KEY_BYTES = 32;
const CHALLENGE_BYTES = 32;
const TIMEOUT_MS = 30_000;

const challengeSchema = z.object({ challengeId: z.string().min(1), nonceB64: z.base64() });
const keySchema = z.object({ key: z.string() });
const errorSchema = z.object({ error: z.string(), details: z.string().optional() });

type KmsConfig = NonNullable<NodeConfig["kms"]>;

/** 32 bytes; undefined where no KMS is configured. Rejects with the KMS's own reason where it refuses. */
export async function storageKeyOf(
  config: Pick<NodeConfig, "kms" | "identity" | "peerId">,
  log: Log,
): Promise<Uint8Array | undefined> {
  const { kms } = config;
  if (kms === undefined) return undefined;
  if (kms.attestation.enabled) {
    throw new ShoalError("unavailable", "the KMS cannot be judged by its own quote yet: switch its attestation off", {
      field: "tee.kms.phala.attestation.enabled",
    });
  }
  const ask = await asker(kms);
  const { identity, peerId } = config;
  const publicKey = bytesOf(identity.publicKey);
  const { challengeId, nonceB64 } = challengeSchema.parse(await ask("challenge", { peerId }));
  const nonce = Buffer.from(nonceB64, "base64");
  if (nonce.length !== CHALLENGE_BYTES) throw new ShoalError("unavailable", "the KMS's challenge has no 32 bytes");
  const source = kms.attestation.accept_mock ? mockQuote : hardwareQuote;
  const quote = await source(Buffer.concat([nonce, sha256(publicKey)]));
  const signed = JSON.stringify({
    challengeId,
    challengeNonceHex: nonce.toString("hex"),
    quoteHashHex: Buffer.from(sha256(quote)).toString("hex"),
    peerId,
  });
  const answer = await ask("get-key", {
    challengeId,
    quoteB64: Buffer.from(quote).toString("base64"),
    peerId,
    peerPublicKeyB64: Buffer.from(publicKey).toString("base64"),
    signatureB64: Buffer.from(sign(seedBytes(identity), Buffer.from(signed))).toString("base64"),
  });
  const key = keyBytes(keySchema.parse(answer).key);
  log.info({ kms: kms.url }, "the KMS released the store's key");
  return key;
}

function keyBytes(text: string): Uint8Array {
  const encoding = /^[0-9a-fA-F]{64}$/.test(text) ? "hex" : "base64";
  const key = Buffer.from(text, encoding);
  if (key.length !== KEY_BYTES)
    throw new ShoalError("unavailable", `the KMS's key has ${key.length} bytes, not ${KEY_BYTES}`);
  return key;
}

async function asker({ url, tls }: KmsConfig): Promise<(path: string, body: object) => Promise<unknown>> {
  const read = (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readFile(path);
  const [ca, cert, key] = await Promise.all([tls.ca_cert_path, tls.client_cert_path, tls.client_key_path].map(read));
  const dispatcher = new Agent({
    connect: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  });
  return async (path, body) => {
    try {
      const response = await fetch(`${url.replace(/\/+$/, "")}/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        dispatcher,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer: unknown = await response.json();
      if (response.ok) return answer;
      const told = errorSchema.safeParse(answer).data;
      const why = told === undefined ? `status ${response.status}` : [told.error, told.details ?? ""].join(" ").trim();
      throw new ShoalError(response.status < 500 ? "permission_denied" : "unavailable", `the KMS refuses: ${why}`);
    } catch (thrown) {
      if (thrown instanceof ShoalError) throw thrown;
      throw new ShoalError("unavailable", `no answer from the KMS at ${url}: ${messageOf(thrown)}`, { cause: thrown });
    }
  };
}
