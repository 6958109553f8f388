/**
 * All that an app imports. The decorators exist for editors alone: the build reads them and takes them out (`@private` is one
 * more, whose name nobody can export).
 */
export { AuthoredMap } from "./collections/authored-map";
export { Counter, PnCounter } from "./collections/counter";
export { FrozenStorage } from "./collections/frozen-storage";
export { Map } from "./collections/map";
export { Register } from "./collections/register";
export { Set } from "./collections/set";
export { Text } from "./collections/text";
export { UserStorage } from "./collections/user-storage";
export { Vector } from "./collections/vector";
export { emit } from "./emit";
export { blobs, env } from "./env";
export { fail } from "./failure";
export { Dictionary } from "./json/codec";
export { previous } from "./previous";

/** The class that is the state; one per app. */
export function app(): void {}
/** Version of the state's shape, 1 where left out. */
export function version(number: u32): void {}
/** The method that makes a new context's first state. */
export function init(): void {}
/** A method that only reads. */
export function view(): void {}
/** A method that may change the state, as every method that is not marked. */
export function mutate(): void {}
/** A method that other contexts may call. */
export function xcall(): void {}
/** A method that carries the state of the version before over. */
export function migrate(from: u32): void {}
/** A class that travels as JSON. */
export function json(): void {}
/** A class that `emit` takes. */
export function event(): void {}
