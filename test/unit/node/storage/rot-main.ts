/** Opens each store that it is told, reads every row in both ways, and says what it found. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { u64Key } from "@shoal/node/storage/keys.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import type { Store } from "@shoal/node/storage/store.ts";

const ROWS = 1_000;
const found = { read: 0, errors: 0, wrong: 0 };

function look(number: number, value: Uint8Array | undefined): void {
  if (value === undefined) return;
  if (Buffer.alloc(100, `value ${number} `).equals(value)) found.read += 1;
  else found.wrong += 1;
}

async function attempt(work: () => Promise<void> | void): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof ShoalError)) throw thrown;
    found.errors += 1;
  }
}

async function readAll(store: Store): Promise<void> {
  for (let number = 0; number < ROWS; number++) {
    await attempt(() => look(number, store.get("state", u64Key(BigInt(number)))));
  }
  await attempt(async () => {
    for await (const [key, value] of store.scan("state")) {
      look(Number(new DataView(key.buffer, key.byteOffset).getBigUint64(0)), value);
    }
  });
}

for (const path of process.argv.slice(2)) {
  await attempt(async () => {
    const store = await openStore({ path, log: silentLog });
    await readAll(store);
    await store.close();
  });
}
process.stdout.write(JSON.stringify(found));
