/** What is kept for a while only, removed in bounded steps. */
import type { Statements } from "../tasks/statements.ts";

const LIMIT = 5000;

const KEYS = `delete from idempotency_keys where ctid = any(array(
  select ctid from idempotency_keys where created_at < now() - interval '24 hours' order by created_at limit ${LIMIT}))
  returning 1`;
const EVENTS = `delete from events where ctid = any(array(
  select ctid from events where at < now() - interval '30 days' order by at limit ${LIMIT})) returning 1`;

/** Idempotency keys after a day, events after thirty. Returns how many went. */
export async function forgetOld(database: Statements): Promise<{ readonly keys: number; readonly events: number }> {
  const keys = await database.workerStatement("retention-keys", KEYS, []);
  const events = await database.workerStatement("retention-events", EVENTS, []);
  return { keys: keys.length, events: events.length };
}
