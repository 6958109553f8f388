/**
 * The meters of an instance, as the host reads and sets them. They are two globals that instrumenting adds and exports:
 * inside of the guest both are carried along in registers, and the globals hold them where host and guest meet. A meter that
 * ran out is negative, and stays so.
 */

export const GAS_METER = "__shoal_gas";
export const STACK_METER = "__shoal_stack";
/** The module's start function, where it has one: it must not run before the meters are set. */
export const START = "__shoal_start";

export interface Budget {
  /** Points; at most 2^62. */
  readonly gas: bigint;
  /** Bytes of counted stack; at most 2^30. */
  readonly stackBytes: number;
}

export interface Readings {
  /** 0 once the gas is exhausted. */
  readonly gasLeft: bigint;
  /** Why the last run trapped, if it did so because a meter ran out. */
  readonly exhausted: "gas" | "stack" | undefined;
}

const MAX_GAS = 1n << 62n;
const MAX_STACK_BYTES = 2 ** 30;

function meter<Value>(instance: WebAssembly.Instance, name: string): WebAssembly.Global<Value> {
  const found = instance.exports[name];
  if (!(found instanceof WebAssembly.Global))
    throw new TypeError(`no instance of a prepared module: it has no ${name}`);
  return found as WebAssembly.Global<Value>;
}

/** Fills both meters. To be called before anything of the instance runs: they begin empty. */
export function setMeters(instance: WebAssembly.Instance, { gas, stackBytes }: Budget): void {
  if (gas < 0n || gas > MAX_GAS) throw new RangeError(`gas is 0 to ${MAX_GAS}, not ${gas}`);
  if (!Number.isInteger(stackBytes) || stackBytes < 0 || stackBytes > MAX_STACK_BYTES)
    throw new RangeError(`stackBytes is 0 to ${MAX_STACK_BYTES}, not ${stackBytes}`);
  meter<bigint>(instance, GAS_METER).value = gas;
  meter<number>(instance, STACK_METER).value = stackBytes;
}

/**
 * What is left. Exact at the end of a run and while a host function runs; after a trap for another reason than a meter, it
 * is what was left at the last of these.
 */
export function readMeters(instance: WebAssembly.Instance): Readings {
  const gas = meter<bigint>(instance, GAS_METER).value;
  const stack = meter<number>(instance, STACK_METER).value;
  const exhausted = gas < 0n ? "gas" : stack < 0 ? "stack" : undefined;
  return { gasLeft: gas < 0n ? 0n : gas, exhausted };
}

/** Runs the module's start function, metered, if it has one. Comes after `setMeters`, before the first method. */
export function runStart(instance: WebAssembly.Instance): void {
  const start = instance.exports[START];
  if (typeof start === "function") start();
}
