/** `shoal keys`: credentials for programs. */
import type { Command } from "commander";
import type { ApiKey } from "@shoal/shared/wire/endpoints/api-keys.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import { lists } from "../lists.ts";
import { age, details, type Column } from "../output.ts";
import { bodyOf, bodyOptions } from "../registry.ts";
import { act, argument, type Runtime } from "../session.ts";

const COLUMNS: readonly Column<ApiKey>[] = [
  { title: "id", cell: (key) => key.id },
  { title: "name", cell: (key) => key.name },
  { title: "token", cell: (key) => key.token_hint },
  { title: "scopes", cell: (key) => key.scopes.join(" ") },
  { title: "used", cell: (key, now) => age(key.last_used_at, now) },
  { title: "state", cell: (key, now) => stateOf(key, now) },
];

function stateOf(key: ApiKey, now: number): string {
  if (key.revoked_at !== null) return "revoked";
  if (key.expires_at === null) return "valid";
  return Date.parse(key.expires_at) <= now ? "expired" : `valid until ${key.expires_at}`;
}

export function addKeys(parent: Command, runtime: Runtime): void {
  const group = parent.command("keys").description("API keys: credentials for programs");
  lists(runtime, group.command("list"), "api-keys.list", { columns: COLUMNS, name: (key) => key.id });
  bodyOptions(group.command("create").argument("<name>"), "api-keys.create", ["name"])
    .description(ENDPOINTS["api-keys.create"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args, options) => {
        const body = bodyOf("api-keys.create", options, { name: argument(args, 0) });
        const made = await client.call("api-keys.create", { body, signal });
        // Quiet is for scripts, and the token is what a script wants: it is nowhere else.
        output.result(made, made.token, (now) => `${details(made.api_key, now)}\n\ntoken (shown once): ${made.token}`);
      }),
    );
  group
    .command("revoke")
    .argument("<key>", "its id")
    .description(ENDPOINTS["api-keys.revoke"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        const key = await client.call("api-keys.revoke", { params: { id: argument(args, 0) }, signal });
        output.result(key, key.id, () => `${key.name} (${key.id}) is revoked`);
      }),
    );
}
