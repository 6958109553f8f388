/** Names that Node has everywhere. */
import { Buffer as BrowserBuffer } from "buffer";

export const Buffer = BrowserBuffer;
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
