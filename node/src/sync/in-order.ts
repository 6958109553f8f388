/** Work in the background, one after the other per key; what fails is logged and holds up nothing. */
import type { Log } from "@shoal/shared/base/log.ts";

export function inOrder(log: Log): {
  readonly run: (key: string, work: () => Promise<unknown>) => void;
  /** Resolves when everything that was asked for before is over. */
  settled(): Promise<void>;
} {
  const lines = new Map<string, Promise<void>>();
  return {
    run(key, work) {
      const after = (lines.get(key) ?? Promise.resolve()).then(work).then(
        () => undefined,
        (err: unknown) => log.warn({ of: key, err }, "work in the background failed"),
      );
      lines.set(key, after);
      void after.then(() => lines.get(key) === after && lines.delete(key));
    },
    async settled() {
      await Promise.all(lines.values());
    },
  };
}
