import { afterAll, beforeAll, expect, it } from "vitest";
import { bootstrapOrganisation, type BootstrapInit } from "@shoal/functions/manager/bootstrap.ts";
import { systemClock } from "../../../support/clock.ts";
import { random, world, type World } from "./harness.ts";

let w: World;
let init: Omit<BootstrapInit, "whereLost">;
beforeAll(async () => {
  w = await world();
  init = {
    database: w.db.open(),
    clock: systemClock,
    random,
    slug: "local",
    name: "Local",
    plan: "scale",
    keyName: "first key",
  };
});
afterAll(() => w.close());

it("makes one organisation and one key, whose token is good and is told once", async () => {
  const made = await Promise.all([1, 2, 3].map(() => bootstrapOrganisation({ ...init, whereLost: "leave" })));
  const tokens = made.flatMap(({ token }) => token ?? []);
  expect(tokens).toHaveLength(1);
  expect((await w.as(tokens[0]).call("GET", "/sessions/current")).json).toMatchObject({
    organisation: { slug: "local", plan: "scale" },
  });
  const again = await bootstrapOrganisation({ ...init, whereLost: "replace", keptToken: tokens[0] });
  expect(again).toMatchObject({ token: tokens[0], isNew: false });
  const lost = await bootstrapOrganisation({ ...init, whereLost: "replace" });
  expect(lost.isNew).toBe(true);
  expect(
    (
      await w
        .instance()
        .fetch(new Request("http://x/api/v1/processors", { headers: { authorization: `Bearer ${tokens[0]}` } }))
    ).status,
  ).toBe(401);
  const revoked = await bootstrapOrganisation({ ...init, whereLost: "replace", keptToken: tokens[0] });
  expect(revoked.isNew).toBe(true);
});
