/** What is bounded: tables in memory, keys, sign-ins, passwords in work. */
import { describe, expect, it } from "vitest";
import { days, hours, milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { createTokenCache } from "@shoal/node/auth/cache.ts";
import { requireRoom } from "@shoal/node/auth/key-rules.ts";
import { createLoginLimit } from "@shoal/node/auth/login-limit.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import { createRecords, type AuthKey, type Session } from "@shoal/node/auth/records.ts";
import { AUTH_LIMITS } from "@shoal/node/auth/settings.ts";
import { createSweep, crowdedOut } from "@shoal/node/auth/sweep.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { world } from "./harness.ts";

describe("the table of addresses", () => {
  it("forgets whoever was quiet for longest", () => {
    const limit = createLoginLimit(createVirtualClock(), 3);
    for (let time = 0; time < 5; time += 1) limit.take("a");
    expect(() => limit.take("a")).toThrow(expect.objectContaining({ code: "rate_limited" }));
    for (const address of ["b", "c"]) limit.take(address);
    expect(() => limit.take("a")).toThrow(/too many/);
    limit.take("d");
    expect(() => limit.take("a")).not.toThrow();
  });

  it("counts over a window that slides", async () => {
    const clock = createVirtualClock();
    const limit = createLoginLimit(clock);
    for (let time = 0; time < 5; time += 1) {
      limit.take("a");
      await clock.advance(seconds(10));
    }
    expect(() => limit.take("a")).toThrow(expect.objectContaining({ retryAfterSeconds: 10 }));
    await clock.advance(seconds(10));
    expect(() => limit.take("a")).not.toThrow();
    expect(() => limit.take("a")).toThrow(/too many/);
  });
});

describe("the cache of verified tokens", () => {
  it("is bounded, and its entries are short-lived", async () => {
    const clock = createVirtualClock();
    const cache = createTokenCache<number>(clock, 2);
    for (const [at, token] of ["a", "b", "c"].entries()) cache.put(token, at, cache.begin());
    expect([cache.size, cache.get("a"), cache.get("c")]).toEqual([2, undefined, 2]);
    await clock.advance(milliseconds(AUTH_LIMITS.cacheTtl - 1));
    expect(cache.get("c")).toBe(2);
    await clock.advance(milliseconds(1));
    expect(cache.get("c")).toBe(undefined);
  });

  it("takes nothing that was found out before a change", () => {
    const cache = createTokenCache<number>(createVirtualClock());
    const begun = cache.begin();
    cache.clear();
    cache.put("a", 1, begun);
    expect(cache.get("a")).toBe(undefined);
  });
});

const hex = (n: number): string => n.toString(16).padStart(32, "0");
const keyOf = (n: number, more: Partial<AuthKey> = {}): AuthKey => ({
  id: hex(n),
  family: hex(n),
  kind: "client",
  name: "",
  publicKey: "",
  authMethod: "",
  permissions: ["blob"],
  createdAtMs: 0,
  ...more,
});
const sessionOf = (n: number, expiresAtMs: number, family = hex(n)): Session => ({
  id: n.toString(16).padStart(16, "0"),
  family,
  keyId: family,
  turn: 0,
  expiresAtMs,
});

describe("keys and sessions", () => {
  it("are only so many", async () => {
    const keys = Array.from({ length: AUTH_LIMITS.keys }, (_, n) => keyOf(n));
    await expect(requireRoom({ keys: async () => keys })).rejects.toMatchObject({ code: "conflict" });
    await expect(requireRoom({ keys: async () => keys.slice(1) })).resolves.toBeUndefined();
  });

  it("of one key end, the oldest first, for one more to begin", async () => {
    const records = createRecords(createMemoryStore());
    const sessions = Array.from({ length: AUTH_LIMITS.sessionsPerKey }, (_, n) => sessionOf(n, 1_000_000 - n, hex(1)));
    await records.write([...sessions, sessionOf(1, 5, hex(2))].map((session) => records.put.session(session)));
    expect(await crowdedOut(records, { family: hex(1) })).toEqual([
      records.drop.session(sessionOf(AUTH_LIMITS.sessionsPerKey - 1, 0, hex(1))),
    ]);
    expect(await crowdedOut(records, { family: hex(2) })).toEqual([]);
  });

  it("that can never be used again are swept, and nothing else", async () => {
    const clock = createVirtualClock();
    const now = clock.now();
    const records = createRecords(createMemoryStore());
    const keys = [
      keyOf(1),
      keyOf(2),
      keyOf(3, { kind: "root" }),
      keyOf(4, { kind: "root", revokedAtMs: now - days(31) }),
      keyOf(5, { kind: "root", revokedAtMs: now - days(1) }),
    ];
    const sessions = [sessionOf(1, now + 1), sessionOf(2, now - 61_000), sessionOf(3, now - 59_000)];
    await records.write([
      ...keys.map((key) => records.put.key(key)),
      ...sessions.map((session) => records.put.session(session)),
    ]);
    const sweep = createSweep(records, clock, days(30));
    await records.write(await sweep());
    expect((await records.keys()).map(({ id }) => id)).toEqual([hex(1), hex(3), hex(5)]);
    expect((await records.sessions()).map(({ family }) => family)).toEqual([hex(1), hex(3)]);
    await clock.advance(milliseconds(AUTH_LIMITS.sweepEvery - 1));
    expect(await sweep()).toEqual([]);
    await clock.advance(hours(1));
    expect(await sweep()).not.toEqual([]);
  });
});

it("passwords wait in a line of bounded length, and whoever finds it full is not blamed", async () => {
  const w = await world();
  const line = Array.from({ length: AUTH_LIMITS.passwordsWaiting + 1 }, (_, n) => w.login({}, `10.0.0.${n}`));
  for (let time = 0; time < 6; time += 1) {
    const late = await w.login({}, "10.1.0.1");
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
  }
  for (const { status } of await Promise.all(line)) expect(status).toBe(200);
  expect((await w.login({}, "10.1.0.1")).status).toBe(200);
});
