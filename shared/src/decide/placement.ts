/**
 * Placement: which host a pod goes to, or why none. First fit on the most utilised healthy host that keeps a 10 % buffer;
 * the rules and their order are in `placement/README.md`. A decision is data; `explain` turns its reason into words.
 */
export { createPlanner, decidePlacement } from "./placement/planner.ts";
export { explain } from "./placement/explain.ts";
export { HOST_KEY, ZONE_KEY } from "./placement/types.ts";
export type {
  Consolidation,
  ConsolidationBudget,
  Decision,
  HostShape,
  PlacementAffinity,
  PlacementHost,
  PlacementPod,
  PlacementSpread,
  Planner,
  PlannerOptions,
  PlaceReason,
  PodTerm,
  RefusalReason,
  Resources,
  TopologyKey,
} from "./placement/types.ts";
