/**
 * Addresses of pods on this machine. All of 127.0.0.0/8 is the machine itself on Linux, without any set-up, so each pod gets
 * an address of its own there and `podIP:port` is literally true. The choice is deterministic: derived from the pod's uid in
 * a block derived from the data folder, so that two stacks on one machine do not meet.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { ShoalError } from "@shoal/shared/base/errors.ts";

const TRIES = 64;

/** The n-th address to try for a uid: 127.(16-239).(0-255).(1-254), the second part belonging to the block. */
export function candidateAddress(block: string, uid: string, attempt: number): string {
  const second = 16 + ((digest(block)[0] ?? 0) % 224);
  const bytes = digest(`${uid}#${attempt}`);
  return `127.${second}.${bytes[0] ?? 0}.${1 + ((bytes[1] ?? 0) % 254)}`;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

export interface AddressPool {
  /** The uid's address; the same until it is released. */
  take(uid: string, ports: readonly number[]): Promise<string>;
  /** It is used already, by a container that was found running. */
  hold(uid: string, address: string): void;
  release(uid: string): void;
}

export function addressPool(block: string): AddressPool {
  const byUid = new Map<string, string>();
  return {
    hold: (uid, address) => void byUid.set(uid, address),
    release: (uid) => void byUid.delete(uid),
    take: async (uid, ports) => {
      const known = byUid.get(uid);
      if (known !== undefined) return known;
      if (process.platform !== "linux") throw notHere(process.platform);
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const address = candidateAddress(block, uid, attempt);
        if ([...byUid.values()].includes(address)) continue;
        // Held while the ports are tried, so that two pods never try the same one.
        byUid.set(uid, address);
        if (await areFree(address, ports)) return address;
        byUid.delete(uid);
      }
      throw new ShoalError("unavailable", `no free loopback address for pod ${uid} in ${TRIES} tries`);
    },
  };
}

function notHere(platform: string): ShoalError {
  return new ShoalError(
    "unavailable",
    `pods need loopback addresses of their own (127.x.y.z), which ${platform} has only for 127.0.0.1; ` +
      "run the cluster on Linux (a virtual machine or a container will do), or use a real cluster",
  );
}

async function areFree(address: string, ports: readonly number[]): Promise<boolean> {
  const free = await Promise.all(
    ports.map(
      async (port) =>
        new Promise<boolean>((resolve) => {
          const server = createServer();
          server.once("error", () => resolve(false));
          server.listen(port, address, () => server.close(() => resolve(true)));
        }),
    ),
  );
  return free.every(Boolean);
}
