/** PostgreSQL for as long as the stack runs: whoever ends it, it comes back. It is no child of ours, so it is looked at. */
import { messageOf } from "@shoal/shared/base/errors.ts";
import { startPostgres, type Postgres, type PostgresOptions } from "../postgres/index.ts";

const LOOK_MS = 500;

export async function startKeptPostgres(options: PostgresOptions): Promise<Postgres> {
  const postgres = await startPostgres(options);
  const look = async (): Promise<void> => {
    try {
      if (await postgres.running()) return;
      options.log.warn({}, "PostgreSQL has ended and is started again");
      await postgres.faults.restart();
    } catch (thrown) {
      options.log.error({ err: thrown }, `PostgreSQL did not come back: ${messageOf(thrown)}`);
    }
  };
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, LOOK_MS);
  return {
    ...postgres,
    stop: async () => {
      clearInterval(timer);
      // A restart that is under way would outlive us.
      await looking;
      await postgres.stop();
    },
  };
}
