/** What the verbs of a planner share. */
import type { HostOrder } from "./host-order.ts";
import type { HostTable } from "./host-table.ts";
import type { Ledger } from "./ledger.ts";
import type { ClassOf, PodClass } from "./pod-class.ts";
import type { PlacementPod, PlaceReason } from "./types.ts";

export interface Settled {
  readonly host: number;
  readonly because: PlaceReason;
}

export interface Fleet {
  readonly table: HostTable;
  readonly order: HostOrder;
  readonly ledger: Ledger<PodClass>;
  readonly classOf: ClassOf;
  /** Finds a host and takes the capacity; undefined if nothing can hold the pod now. */
  readonly settle: (pod: PlacementPod, podClass: PodClass) => Settled | undefined;
}
