/** What changed outside since the last pass, written down where it differs from what was known. */
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Tx } from "../store/database.ts";
import { dropHosts, dropHostsBut, keepHosts } from "../store/observed/hosts.ts";
import { dropPods, keepAll, keepPods } from "../store/observed/pods.ts";

export interface Seen {
  readonly complete: boolean;
  /** Whether anything was other than known. */
  readonly wrote: boolean;
  /** Processors whose pods have changed or are gone. */
  readonly processorIds: ReadonlySet<string>;
  /** Hosts that have changed or are gone. */
  readonly hostNames: readonly string[];
  readonly podsVersion: string;
  readonly hostsVersion: string;
}

/** A watch that says nothing for so long has said everything. */
const QUIET = milliseconds(150);
const AT_MOST = seconds(5);

export async function observe(
  tx: Tx,
  port: Pick<Pods, "observePods" | "observeHosts">,
  clusterId: string,
  since: { readonly pods: string | undefined; readonly hosts: string | undefined },
): Promise<Seen> {
  const wait = { quiet: QUIET, atMost: AT_MOST };
  const [pods, hosts] = await Promise.all([
    port.observePods({ since: since.pods, ...wait }),
    port.observeHosts({ since: since.hosts, ...wait }),
  ]);
  const processorIds = pods.complete
    ? await keepAll(tx, clusterId, pods.changed)
    : new Set([...(await keepPods(tx, clusterId, pods.changed)), ...(await dropPods(tx, clusterId, pods.gone))]);
  const keptHosts = await keepHosts(tx, clusterId, hosts.changed);
  const goneHosts = hosts.complete
    ? await dropHostsBut(
        tx,
        clusterId,
        hosts.changed.map(({ name }) => name),
      )
    : await dropHosts(tx, clusterId, hosts.gone);
  const hostNames = [...keptHosts, ...goneHosts];
  return {
    complete: pods.complete || hosts.complete,
    wrote: processorIds.size > 0 || hostNames.length > 0,
    processorIds,
    hostNames,
    podsVersion: pods.resourceVersion,
    hostsVersion: hosts.resourceVersion,
  };
}
