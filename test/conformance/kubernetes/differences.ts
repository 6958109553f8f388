/**
 * Where a real kube-apiserver is known to answer otherwise than the stand-in, by the title of the case. Such a case is not
 * run against the real one; it is skipped there with this reason, which the run prints.
 */
export interface Difference {
  readonly title: string;
  /** Only for a real one before 1.x; left out: for every one. */
  readonly beforeMinor?: number;
  readonly because: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    title: "refuses an object that already has a version",
    because: "a real one answers 500 to what is the caller's mistake; the stand-in says 400",
  },
  {
    title: "a version that is none is the caller's mistake",
    because: "a real one answers 500 to what is the caller's mistake; the stand-in says 400",
  },
  {
    title: "has a bookmark before it, however short the watch",
    because: "a real one sends bookmarks about a minute apart, and none in a watch of a second",
  },
  {
    title: "an old exact version has expired",
    because: "etcd still has old versions until they are compacted; the stand-in keeps none",
  },
  {
    title: "a version that is no longer kept ends with an ERROR of 410",
    because: "etcd keeps five minutes of changes and takes no order to forget them",
  },
  {
    title: "expires with the snapshot",
    because: "etcd keeps five minutes of snapshots and takes no order to forget them",
  },
  {
    title: "a budget with an allowance lets one go, and counts it at once",
    beforeMinor: 21,
    because: "policy/v1 came with 1.21",
  },
  {
    title: "a budget without an allowance answers 429 with its cause",
    beforeMinor: 21,
    because: "policy/v1 came with 1.21",
  },
  {
    title: "strict validation refuses what the kind does not have",
    beforeMinor: 25,
    because: "fieldValidation came with 1.25",
  },
  {
    title: "sendInitialEvents is refused, and the client falls back",
    beforeMinor: 27,
    because: "older ones do not know the parameter and ignore it",
  },
  {
    title: "custom resources keep a generation and know no strategic merge",
    because: "the definitions of the Karpenter kinds are not installed there",
  },
  {
    title: "a service account's token is his who has it, for a while, and gives no rights",
    because: "where a cluster has RBAC bindings for service accounts this does not hold",
  },
  {
    title: "says who asks",
    beforeMinor: 28,
    because: "SelfSubjectReview became v1 with 1.28",
  },
  {
    title: "aggregates where v2 is asked, and not where v2beta1 is",
    beforeMinor: 30,
    because: "aggregated discovery v2 came with 1.30",
  },
];
