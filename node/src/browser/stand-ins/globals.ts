/** Names that Node has everywhere. */
export { Buffer } from "./buffer.ts";

export const process = {
  env: {},
  version: "",
  versions: {},
  platform: "browser",
  nextTick: (work: (...args: readonly unknown[]) => void, ...args: readonly unknown[]): void =>
    queueMicrotask(() => work(...args)),
  emitWarning: () => undefined,
  cwd: () => "/",
};
