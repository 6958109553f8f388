/**
 * How a transaction of ours begins: `begin`, the role and the tenant in one round trip, as one simple-protocol message.
 * kysely's own driver does the rest, so that everything built on it (queries, commit, rollback) stays kysely's.
 */
import { CompiledQuery, Kysely, PostgresDialect, PostgresDriver, type DatabaseConnection, type Driver } from "kysely";
import type { Pool } from "pg";
import type { Schema } from "./schema.ts";

/** A kysely whose transactions begin with `begin`; it borrows `pool` and must never be destroyed. */
export function kyselyBeginningWith(pool: Pool, begin: string): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new EnteringDialect(pool, begin) });
}

class EnteringDialect extends PostgresDialect {
  readonly #pool: Pool;
  readonly #begin: string;

  constructor(pool: Pool, begin: string) {
    super({ pool });
    this.#pool = pool;
    this.#begin = begin;
  }

  override createDriver(): Driver {
    return new EnteringDriver(this.#pool, this.#begin);
  }
}

class EnteringDriver extends PostgresDriver {
  readonly #begin: string;

  constructor(pool: Pool, begin: string) {
    super({ pool });
    this.#begin = begin;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw(this.#begin));
    } catch (thrown) {
      // `begin` itself may have succeeded before the role was refused: the connection must not go back inside of it. Where
      // even the rollback fails, the connection is broken, and the pool drops it.
      await connection.executeQuery(CompiledQuery.raw("rollback")).catch(() => undefined);
      throw thrown;
    }
  }
}
