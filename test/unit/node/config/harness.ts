/** A config.toml that is right, and what becomes of it with some lines more or fewer. */
import { seeded } from "@shoal/shared/base/random.ts";
import { parseConfig, type ConfigContext, type NodeConfig } from "@shoal/node/config/config.ts";
import { makeIdentity } from "@shoal/node/config/identity.ts";
import { newConfig, type InitOptions } from "@shoal/node/config/new-config.ts";

export const identity = makeIdentity(seeded(1));
export const account = makeIdentity(seeded(2));

export const fresh = (options: InitOptions = {}): string => newConfig(options, { identity, account });

export function parsed(text: string, context: Partial<ConfigContext> = {}): NodeConfig {
  return parseConfig(text, { directory: "/srv/node", env: {}, ...context });
}

/** The least that is a config.toml, with `more` after it. */
export function least(more = ""): string {
  const [, pair = ""] = /keypair = "(\w+)"/.exec(fresh()) ?? [];
  const [, peer = ""] = /peer_id = "(\w+)"/.exec(fresh()) ?? [];
  return `[identity]\npeer_id = "${peer}"\nkeypair = "${pair}"\n[server]\nlisten = ["/ip4/127.0.0.1/tcp/2528"]\n${more}`;
}

/** The lines of the refusal. */
export function problems(text: string, context: Partial<ConfigContext> = {}): readonly string[] {
  try {
    parsed(text, context);
  } catch (thrown) {
    return (thrown as Error).message.split("\n");
  }
  return [];
}
