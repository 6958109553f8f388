/** What is on disk after a restart, and what a store in memory is for. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Range, Reader, Row } from "@shoal/node/storage/store.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { judged, world, type Pair } from "./harness.ts";

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "shoal-auth-"));
});
afterEach(() => rm(path, { recursive: true }));

it("keys, sign-ins, secrets and revocations survive it", async () => {
  const clock = createVirtualClock();
  const before = await openStore({ path, log: silentLog });
  const first = await world({}, { store: before, clock });
  const admin = await first.tokens();
  const kept = await first.client(admin, { permissions: ["blob"] });
  const revoked = await first.client(admin, { permissions: ["blob"] });
  const body = { client_id: decodeJwt(revoked.access_token).sub };
  await first.call("POST", "/admin/revoke", { token: admin.access_token, body });
  const spent = await first.tokens();
  await before.close();

  const after = await openStore({ path, log: silentLog });
  const another = { username: "eve", password: new Secret("password of eve") };
  const second = await world({ firstAdministrator: another }, { store: after, clock, seed: 9 });
  expect(await judged(second, admin.access_token, "admin")).toBe("ok");
  expect(await judged(second, kept.access_token, "blob")).toBe("ok");
  expect(await judged(second, revoked.access_token, "blob")).toBe("token_revoked");
  // There is an administrator already, so the settings' one is not made.
  const login = await second.login({ provider_data: { username: "eve", password: "password of eve" } });
  expect(login.status).toBe(401);
  await second.expire();
  const renewed = (await second.refresh(spent)).data as Pair;
  await after.close();

  const last = await openStore({ path, log: silentLog });
  const third = await world({}, { store: last, clock, seed: 10 });
  expect(await judged(third, renewed.access_token, "admin")).toBe("ok");
  expect((await third.refresh(spent)).headers.get("x-auth-error")).toBe("token_reuse");
  await last.close();
});

it("a store in memory does all of that but last", async () => {
  const w = await world({}, { store: createMemoryStore() });
  const admin = await w.tokens();
  const client = await w.client(admin, { permissions: ["blob"] });
  await w.expire();
  expect((await w.refresh(client)).status).toBe(200);
  expect((await w.refresh(client)).headers.get("x-auth-error")).toBe("token_reuse");
});

it("a store in memory keeps order, ranges and snapshots as a store does", async () => {
  const store = createMemoryStore();
  const row = (key: number[], value?: number): Row => ({
    column: "auth",
    key: Uint8Array.from(key),
    value: value === undefined ? undefined : Uint8Array.of(value),
  });
  await store.apply([row([2], 2), row([1, 255], 1), row([10], 10), row([1], 0)]);
  await store.apply([{ column: "generic", key: Uint8Array.of(1), value: Uint8Array.of(9) }]);
  const found = async (range?: Range, reader: Reader = store): Promise<number[]> => {
    const values: number[] = [];
    for await (const [, value] of reader.scan("auth", range)) values.push(...value);
    return values;
  };
  expect(await found()).toEqual([0, 1, 2, 10]);
  expect(await found({ gte: Uint8Array.of(1, 0), lt: Uint8Array.of(10) })).toEqual([1, 2]);
  expect(await found({ reverse: true, limit: 2 })).toEqual([10, 2]);
  using snapshot = store.snapshot();
  await store.apply([row([2]), row([3], 3)]);
  expect(await found()).toEqual([0, 1, 3, 10]);
  expect(await found(undefined, snapshot)).toEqual([0, 1, 2, 10]);
});
