/** A write of which LevelDB says that it failed, although its log has it: what a sync that fails leaves behind. */
import { silentLog } from "@shoal/shared/base/log.ts";
import { storedKey } from "@shoal/node/storage/columns.ts";
import { openFormat } from "@shoal/node/storage/format.ts";
import { Handles, openDatabase } from "@shoal/node/storage/handles.ts";
import { textKey } from "@shoal/node/storage/keys.ts";
import { LevelStore } from "@shoal/node/storage/level-store.ts";
import type { Database } from "@shoal/node/storage/reader.ts";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";

const row = (key: string, value: string | undefined) => ({
  column: "state" as const,
  key: textKey(key),
  value: value === undefined ? undefined : textKey(value),
});

type Operations = { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }[];

/** The next batch reaches the log of `db`, is reported as failed, and is not seen in memory, as LevelDB has it. */
function failHalfWay(db: Database): Database {
  const before = db.snapshot();
  return new Proxy(db, {
    get(target, name) {
      if (name === "getSync") return (key: Uint8Array) => target.getSync(key, { snapshot: before });
      if (name === "batch") {
        return async (operations: Operations, options: object) => {
          await target.batch(operations, options);
          throw new Error("IO error: the sync failed");
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("a batch that was reported as failed is not there once the store was opened afresh", async () => {
  const path = temporaryDirectory();
  const db = await openDatabase(path, true);
  const values = await openFormat({ db, path, key: undefined });
  await db.batch(
    [row("changed", "old"), row("removed", "old")].map(({ key, value }) => {
      const stored = storedKey("state", key);
      return { type: "put", key: stored, value: values.seal(stored, value!) };
    }),
  );
  const handles = new Handles(path);
  const store = new LevelStore({
    db: failHalfWay(db),
    path,
    values,
    log: silentLog,
    freeBytes: () => 1e12,
    handles,
    closed: () => undefined,
  });
  const lost = store.apply([row("changed", "new"), row("removed", undefined), row("added", "new")]);
  await expect(lost).rejects.toMatchObject({ code: "unavailable" });
  await store.apply([row("other", "new")]);
  const read = (key: string): string | undefined => {
    const value = store.get("state", textKey(key));
    return value === undefined ? undefined : Buffer.from(value).toString();
  };
  expect(["changed", "removed", "added", "other"].map(read)).toEqual(["old", "old", undefined, "new"]);
  await store.close();
});
