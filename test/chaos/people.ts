/**
 * People who keep fifty processors: each creates one, changes it, restarts it, deletes it and starts again. What the API has
 * acknowledged is written down: in the end it has to be true, or superseded by what was acknowledged later.
 */
import { ApiError, type Client } from "@shoal/client/index.ts";
import { below, type Random } from "@shoal/shared/base/random.ts";
import { pause } from "./pause.ts";

export interface People {
  /** Acknowledged requests by verb. */
  readonly counts: Readonly<Record<string, number>>;
  /** Names that were deleted last, and those that were not. */
  readonly alive: ReadonlySet<string>;
  stop(): Promise<void>;
}

export interface PeopleOptions {
  readonly client: Client;
  readonly template: string;
  readonly processors: number;
  readonly random: Random;
  readonly say: (text: string) => void;
}

export function startPeople(options: PeopleOptions): People {
  const { client, template, random, say } = options;
  const counts: Record<string, number> = {};
  const alive = new Set<string>();
  const stopping = new AbortController();
  const note = (verb: string): void => void (counts[verb] = (counts[verb] ?? 0) + 1);

  const act = async (name: string): Promise<void> => {
    if (!alive.has(name)) {
      await client.call("processors.create", { body: { name, template } });
      alive.add(name);
      return note("create");
    }
    const dice = random.next();
    if (dice < 0.25) {
      await client.call("processors.delete", { params: { id: name } });
      alive.delete(name);
      return note("delete");
    }
    if (dice < 0.4) {
      await client.call("processors.restart", { params: { id: name } });
      return note("restart");
    }
    const { generation } = await client.call("processors.get", { params: { id: name } });
    const config = { env_vars: { ROUND: String(below(random, 1_000_000)) } };
    await client.call("processors.update", { params: { id: name }, body: { config }, ifMatch: generation });
    note("update");
  };

  const person = async (name: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      await act(name).catch((thrown: unknown) => refused(name, thrown));
      await pause(1000 + random.next() * 9000, stopping.signal);
    }
  };

  /** What may happen to a careful person: a lost answer to a request that was carried out, or another's change. */
  const refused = async (name: string, thrown: unknown): Promise<void> => {
    if (!(thrown instanceof ApiError)) return note("unanswered");
    note(`refused ${thrown.code}`);
    if (thrown.status >= 500 && thrown.status !== 503) say(`a 5xx of ours: ${thrown.status} ${thrown.message}`);
    if (thrown.code === "already_exists") alive.add(name);
    if (thrown.code === "not_found") alive.delete(name);
  };

  const names = Array.from({ length: options.processors }, (_, i) => `chaos-${i}`);
  const running = Promise.all(names.map(person));
  return {
    counts,
    alive,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
