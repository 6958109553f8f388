/** The author's key: an Ed25519 private key as PKCS #8 PEM in a file that only its owner reads. Who has it may publish updates. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BuildError } from "../problem.ts";

const OWNER_ONLY = 0o600;

export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes over the message itself. */
  sign(message: Uint8Array): Uint8Array;
}

/** The key in `path`, made there where there is none. Throws a `BuildError` where the file holds something else. */
export async function signingKey(path: string): Promise<SigningKey> {
  const key = (await readKey(path)) ?? (await makeKey(path));
  const { x } = key.export({ format: "jwk" });
  return { publicKey: Buffer.from(x ?? "", "base64url"), sign: (message) => sign(null, message, key) };
}

async function readKey(path: string): Promise<KeyObject | undefined> {
  let text;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch {
    // Falls through to the one refusal, which does not repeat what the file holds.
  }
  throw new BuildError([{ path, message: "expected an Ed25519 private key as PKCS #8 PEM" }]);
}

async function makeKey(path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const text = privateKey.export({ format: "pem", type: "pkcs8" });
  await mkdir(dirname(path), { recursive: true });
  // `wx`: of two builds at once one makes the key, and the other fails instead of signing with a key that is lost.
  await writeFile(path, text, { mode: OWNER_ONLY, flag: "wx" });
  return privateKey;
}
