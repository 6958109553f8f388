/**
 * Registers: bytes that the host keeps for the guest between two host calls, by a u64 id. They live for one run. A register
 * costs 8 bytes and its content; whatever does not fit is `InvalidMemoryAccess`, like upstream. Contents are never changed
 * in place, so a register may share bytes with the overlay.
 */
import type { VmLimits } from "../limits.ts";
import type { HostBudget } from "./host-budget.ts";
import { HostTrap, invalidAccess } from "./trap.ts";

const REGISTER_COST = 8;

export class Registers {
  readonly #limits: VmLimits;
  readonly #budget: HostBudget;
  readonly #contents = new Map<bigint, Uint8Array>();
  #bytes = 0;

  constructor(limits: VmLimits, budget: HostBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  /** `id` as the guest passed it: the same 64 bits, signed. */
  set(id: bigint, content: Uint8Array): void {
    this.#budget.bytes(content.length);
    if (content.length > this.#limits.maxRegisterBytes) throw invalidAccess();
    const before = this.#contents.get(id);
    if (before === undefined && this.#contents.size >= this.#limits.maxRegisters) throw invalidAccess();
    const bytes = this.#bytes + REGISTER_COST + content.length - (before ? REGISTER_COST + before.length : 0);
    if (bytes > this.#limits.maxRegistersBytes) throw invalidAccess();
    this.#bytes = bytes;
    this.#contents.set(id, content);
  }

  /** undefined where there is none. */
  peek(id: bigint): Uint8Array | undefined {
    return this.#contents.get(id);
  }

  get(id: bigint): Uint8Array {
    const content = this.#contents.get(id);
    if (content === undefined)
      throw new HostTrap("InvalidRegisterId", `invalid register id: ${BigInt.asUintN(64, id)}`);
    return content;
  }

  clear(id: bigint): void {
    const before = this.#contents.get(id);
    if (before === undefined) return;
    this.#bytes -= REGISTER_COST + before.length;
    this.#contents.delete(id);
  }
}
