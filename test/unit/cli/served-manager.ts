/** The real manager on a real database, behind a real HTTP server, with one cluster and an API key. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { firstKey } from "@shoal/emulator/stack/first-key.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createManager } from "@shoal/functions/manager/manager.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../support/postgres.ts";

const ID_TOKEN = "the only one";

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
  const manager = createManager({
    ...common,
    log: silentLog,
    verifyIdToken: (idToken) => {
      if (idToken !== ID_TOKEN) return Promise.reject(new ShoalError("unauthenticated", "nobody else signs in here"));
      const identity = { issuer: "https://id.example", subject: "1", email: "acme@example.com", name: "Acme" };
      return Promise.resolve({ ...identity, emailVerified: true });
    },
    wakeDispatch: () => Promise.resolve(),
    logs: () => Promise.reject(new ShoalError("not_found", "there are no pods here")),
    version: "0.1.0",
  });
  const listener = getRequestListener((request, env) => manager.fetch(request, env));
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const idToken = (): Promise<string> => Promise.resolve(ID_TOKEN);
  const token = await firstKey({ apiUrl: url, ownerUrl: test.url, idToken, kept: undefined });
  return {
    url,
    token,
    test,
    stop: async () => {
      manager.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await test.drop();
    },
  };
}
