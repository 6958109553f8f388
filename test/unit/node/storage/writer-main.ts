/**
 * A process that writes numbered batches until it is killed, and says each on its output once it is durable. Every batch
 * writes its number to `WIDTH` rows, so that half a batch would show.
 */
import { silentLog } from "@shoal/shared/base/log.ts";
import { u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";

export const WIDTH = 8;

async function main(path: string, from: number): Promise<void> {
  const store = await openStore({ path, log: silentLog });
  // Two batches are under way at any time, as they are in the node.
  let next = from;
  const lane = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      const value = Buffer.alloc(2_000, String(number));
      const rows = Array.from({ length: WIDTH }, (_, at) => ({
        column: "state" as const,
        key: u64Key(BigInt(number * WIDTH + at)),
        value,
      }));
      await store.apply(rows);
      await store.durable();
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all([lane(), lane()]);
}

const [, , path, from] = process.argv;
if (path !== undefined && from !== undefined) await main(path, Number(from));
