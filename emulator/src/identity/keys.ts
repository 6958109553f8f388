/** The provider's signing key: made once, kept in the data folder (mode 600), so that tokens outlive a restart. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey | Uint8Array;
  /** What `/jwks` publishes. */
  readonly publicJwk: JWK;
}

export async function keptSigningKey(dataDir: string): Promise<SigningKey> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, "identity-key.json");
  const kept = await readFile(path, "utf8").catch(() => undefined);
  const jwk = kept === undefined ? await makeKey(path) : (JSON.parse(kept) as JWK);
  const kid = await calculateJwkThumbprint(jwk);
  const { kty, n, e } = jwk;
  if (kty === undefined || n === undefined || e === undefined) throw new Error(`${path} holds no RSA key`);
  return { kid, privateKey: await importJWK(jwk, "RS256"), publicJwk: { kty, n, e, kid, alg: "RS256", use: "sig" } };
}

async function makeKey(path: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  await writeFile(`${path}.new`, JSON.stringify(jwk), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return jwk;
}
