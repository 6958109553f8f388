/** What a queue has to be able to do to be measured: fill itself, and drain `n` of what is in it. */
export interface Contestant {
  /** Schema and connections; the database is empty but for the table `effects (job bigint)`. */
  open(url: string): Promise<void>;
  /** Makes jobs `from .. from + n - 1` due. */
  fill(from: number, n: number): Promise<void>;
  /** Runs `n` of the due jobs, each with one committed effect if `effect`, and returns once the last one has run. */
  drain(n: number, effect: boolean): Promise<Drain>;
  close(): Promise<void>;
}

export interface Drain {
  /** Ends what is still going on after the last job ran (completions that lag behind): CPU counts until then. */
  settle(): Promise<void>;
}

export type ContestantName = "shoal" | "graphile" | "pg-boss";

export async function contestant(name: ContestantName): Promise<Contestant> {
  switch (name) {
    case "shoal":
      return (await import("./shoal.ts")).createShoal();
    case "graphile":
      return (await import("./graphile.ts")).createGraphile();
    case "pg-boss":
      return (await import("./pg-boss.ts")).createPgBoss();
  }
}
