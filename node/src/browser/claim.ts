/** One tab at a time has a node's data: a name is held through the Web Locks API until the tab lets go of it, or closes. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

interface Locks {
  request(name: string, options: { readonly ifAvailable: true }, work: (lock: unknown) => Promise<void>): Promise<void>;
}

/**
 * Resolves with how to let go. Rejects `conflict` while another tab has the name, `unavailable` where the browser gives a page no
 * locks, as it does to one that came over plain HTTP from another machine.
 */
export async function claim(name: string): Promise<() => void> {
  const { locks } = globalThis.navigator as unknown as { readonly locks?: Locks };
  if (locks === undefined) {
    const why = "the browser gives this page no locks: it needs https, or an address of this machine";
    throw new ShoalError("unavailable", why);
  }
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  return new Promise((resolve, reject) => {
    const working = locks.request(`shoal-${name}`, { ifAvailable: true }, async (lock) => {
      if (lock === null) throw new ShoalError("conflict", "this node is open in another tab", { field: "name" });
      resolve(release);
      await held;
    });
    working.catch(reject);
  });
}
