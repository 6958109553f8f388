/**
 * The secrets that sign tokens. One signs for a day; then it is kept for as long as a token it signed may live, so that a
 * rotation ends no session. A token names its secret by `kid`, which is no secret itself.
 */
import { webcrypto } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Records, SigningSecret } from "./records.ts";
import { AUTH_LIMITS } from "./settings.ts";

export interface SigningKey {
  readonly kid: string;
  readonly key: webcrypto.CryptoKey;
}

export interface Secrets {
  /** Makes a new secret where the present one is a day old. Callers take turns. */
  rotateIfDue(): Promise<void>;
  current(): SigningKey;
  find(kid: string): webcrypto.CryptoKey | undefined;
}

const SECRET_BYTES = 32;

/** `longest`: how long the longest-lived token lives. */
export async function loadSecrets(init: {
  readonly records: Records;
  readonly clock: Clock;
  readonly random: Random;
  readonly longest: DurationMs;
}): Promise<Secrets> {
  const { records, clock, random, longest } = init;
  const known = new Map<string, { readonly record: SigningSecret; readonly key: webcrypto.CryptoKey }>();
  const remember = async (record: SigningSecret): Promise<void> => {
    known.set(record.kid, { record, key: await imported(record.secret) });
  };
  for (const record of await records.secrets()) await remember(record);
  const signing = (): SigningSecret | undefined =>
    [...known.values()].map(({ record }) => record).find((record) => record.retiredAtMs === undefined);

  const rotateIfDue = async (): Promise<void> => {
    const now = clock.now();
    const present = signing();
    if (present !== undefined && now - present.createdAtMs < AUTH_LIMITS.secretRotation) return;
    const next: SigningSecret = {
      kid: hex(random.bytes(8)),
      secret: Buffer.from(random.bytes(SECRET_BYTES)).toString("base64"),
      createdAtMs: now,
    };
    const retired = present === undefined ? [] : [{ ...present, retiredAtMs: now }];
    const over = [...known.values()]
      .map(({ record }) => record)
      .filter(({ retiredAtMs }) => retiredAtMs !== undefined && retiredAtMs + longest + AUTH_LIMITS.leeway < now);
    await records.write([
      records.put.secret(next),
      ...retired.map((record) => records.put.secret(record)),
      ...over.map((record) => records.drop.secret(record.kid)),
    ]);
    for (const record of over) known.delete(record.kid);
    for (const record of [...retired, next]) await remember(record);
  };

  await rotateIfDue();
  return {
    rotateIfDue,
    current() {
      const present = signing();
      const key = present && known.get(present.kid)?.key;
      if (present === undefined || key === undefined) throw new ShoalError("internal", "there is no signing secret");
      return { kid: present.kid, key };
    },
    find: (kid) => known.get(kid)?.key,
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function imported(secret: string): Promise<webcrypto.CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return webcrypto.subtle.importKey("raw", Buffer.from(secret, "base64"), algorithm, false, ["sign", "verify"]);
}
