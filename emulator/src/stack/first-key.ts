/**
 * The first organisation and API key of a local stack, made by the API itself, as a person would: sign in, make a key. A key
 * of an earlier run is kept as long as it works.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { SCOPES } from "@shoal/shared/model/account.ts";
import { asOwner } from "./database.ts";

export interface FirstKeyInit {
  readonly apiUrl: string;
  readonly ownerUrl: string;
  readonly idToken: () => Promise<string>;
  /** Token of an earlier run. */
  readonly kept: string | undefined;
}

/** A laptop's owner pays nobody: its organisation gets the plan with room for a load test. */
const LOCAL_PLAN = "scale";

export async function firstKey(init: FirstKeyInit): Promise<string> {
  if (init.kept !== undefined && (await works(init.apiUrl, init.kept))) return init.kept;
  const session = await post(init.apiUrl, "/api/v1/sessions", undefined, { id_token: await init.idToken() });
  const { organisation } = session as { organisation: { id: string } };
  await asOwner(init.ownerUrl, (client) =>
    client.query("update organisations set plan = $1 where id = $2", [LOCAL_PLAN, organisation.id]),
  );
  const made = await post(init.apiUrl, "/api/v1/api-keys", tokenOf(session), { name: "local", scopes: SCOPES });
  return tokenOf(made);
}

async function works(apiUrl: string, token: string): Promise<boolean> {
  const response = await fetch(`${apiUrl}/api/v1/sessions/current`, { headers: { Authorization: `Bearer ${token}` } });
  await response.text();
  return response.ok;
}

async function post(apiUrl: string, path: string, token: string | undefined, body: object): Promise<unknown> {
  const response = await fetch(`${apiUrl}${path}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new ShoalError("internal", `the API answered ${response.status} to ${path}: ${text}`);
  return JSON.parse(text) as unknown;
}

function tokenOf(answer: unknown): string {
  return (answer as { token: string }).token;
}
