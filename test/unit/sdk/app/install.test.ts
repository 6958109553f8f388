import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openApplications } from "../../node/applications/fixtures.ts";
import { temporaryDirectory } from "../../node/storage/directory.ts";
import { builtFolder, SDK } from "./built.ts";

test("a node installs what the command wrote, and the next version by the same key as the same application", async () => {
  const [v1, v2] = await Promise.all(
    ["v1", "v2"].map((version) => builtFolder(join(SDK, "apps/task-board", version), `task-board/${version}`)),
  );
  const { applications, store } = await openApplications(temporaryDirectory());
  const input = { metadata: new Uint8Array() };
  const first = await applications.installFromPath(join(v1 ?? "", "task-board-1.0.0.mpk"), input);
  const second = await applications.installFromPath(join(v2 ?? "", "task-board-2.0.0.mpk"), input);
  expect(second).toBe(first);

  const application = await applications.get(second);
  expect(application).toMatchObject({ package: "com.shoal.examples.task-board", version: "2.0.0" });
  expect(application?.signerId).toMatch(/^did:key:z6Mk/);
  const [module] = application?.modules ?? [];
  expect(module).toMatchObject({ service: "default", generation: "G3", profile: "js" });
  expect(module?.methods).toContain("fromV1");
  expect(module?.readOnly).toEqual(
    ["addedCount", "archived", "historyOf", "list", "listColumns", "listComments", "name", "openCount"].toSorted(),
  );
  const abi = JSON.parse(module?.abi ?? "{}") as { migrations: unknown; state_version: unknown };
  expect(abi).toEqual(JSON.parse(await readFile(join(v2 ?? "", "abi.json"), "utf8")));
  expect([abi.state_version, abi.migrations]).toEqual([2, [{ from: 1, to: 2, method: "fromV1" }]]);
  await store.close();
});
