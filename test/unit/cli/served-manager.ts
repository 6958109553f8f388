/** The real manager on a real database, behind a real HTTP server, with one cluster and an API key. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { systemRandom } from "@shoal/functions/adapters/system/random.ts";
import { bootstrapOrganisation } from "@shoal/functions/manager/bootstrap.ts";
import { createManager } from "@shoal/functions/manager/manager.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";

export interface ServedManager {
  readonly url: string;
  readonly token: string;
  readonly test: TestDatabase;
  readonly stop: () => Promise<void>;
}

export async function serveManager(): Promise<ServedManager> {
  const test = await testDatabase();
  await test.sql.query("insert into clusters (id, name, k8s_namespace) values ('cls-1', 'local', 'dory')");
  const common = { database: test.open(), clock: systemClock, random: systemRandom };
  const bootstrapped = await bootstrapOrganisation({
    ...common,
    slug: "acme",
    name: "Acme",
    plan: "free",
    keyName: "cli",
    whereLost: "replace",
  });
  const manager = createManager({
    ...common,
    log: silentLog,
    verifyIdToken: () => Promise.reject(new ShoalError("unauthenticated", "nobody signs in here")),
    wakeDispatch: () => Promise.resolve(),
    logs: () => Promise.reject(new ShoalError("not_found", "there are no pods here")),
    version: "0.1.0",
  });
  const listener = getRequestListener((request, env) => manager.fetch(request, env));
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: bootstrapped.token ?? "",
    test,
    stop: async () => {
      manager.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await test.drop();
    },
  };
}
