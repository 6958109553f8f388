/** The stack's database: made once, brought to the present schema, with one login for each kind of function. */
import { Client, escapeIdentifier, escapeLiteral } from "pg";
import { migrate } from "@shoal/functions/store/migrate.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { LocalSecrets } from "./folder.ts";

export interface StackDatabase {
  /** As the owner of the schema; for the stack itself, never for a function. */
  readonly ownerUrl: string;
  readonly managerUrl: string;
  readonly workerUrl: string;
}

const NAME = "shoal";
/** A login has no rights of its own: it says at each transaction which role it takes. */
const LOGINS = [
  { login: "shoal_manager", roles: ["shoal_tenant", "shoal_accounts"], password: "managerPassword" },
  { login: "shoal_worker_login", roles: ["shoal_worker"], password: "workerPassword" },
] as const;

export async function prepareDatabase(superuserUrl: string, secrets: LocalSecrets, log: Log): Promise<StackDatabase> {
  await asOwner(superuserUrl, async (client) => {
    const there = await client.query("select from pg_database where datname = $1", [NAME]);
    if (there.rowCount === 0) await client.query(`create database ${NAME}`);
  });
  const ownerUrl = urlOf(superuserUrl);
  await migrate(ownerUrl, log);
  await asOwner(ownerUrl, async (client) => {
    for (const { login, roles, password } of LOGINS) {
      const name = escapeIdentifier(login);
      const there = await client.query("select from pg_roles where rolname = $1", [login]);
      const verb = there.rowCount === 0 ? "create" : "alter";
      await client.query(`${verb} role ${name} login noinherit password ${escapeLiteral(secrets[password])}`);
      await client.query(`grant ${roles.join(", ")} to ${name}`);
    }
  });
  const [manager, worker] = LOGINS;
  return {
    ownerUrl,
    managerUrl: urlOf(superuserUrl, manager.login, secrets[manager.password]),
    workerUrl: urlOf(superuserUrl, worker.login, secrets[worker.password]),
  };
}

function urlOf(superuserUrl: string, user?: string, password?: string): string {
  const url = new URL(superuserUrl);
  url.pathname = `/${NAME}`;
  if (user !== undefined) url.username = user;
  if (password !== undefined) url.password = password;
  return url.href;
}

export async function asOwner<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, application_name: "shoal-stack" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
