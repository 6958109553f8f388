/**
 * Every metric that is read from the database, as data: the `dory_*` names are those that existing dashboards ask for, and
 * mean what they meant; `shoal_*` stand beside them. A label's values come from a fixed list, or are bounded in number.
 */
import { COMPONENTS, type Component, type Judgement } from "./components.ts";
import type { Facts } from "./facts.ts";

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family<From> {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly labels: readonly string[];
  readonly read: (from: From) => readonly Sample[];
}

type Judgements = Readonly<Record<Component, Judgement>>;

function one<From>(type: "gauge" | "counter", name: string, help: string, value: (from: From) => number): Family<From> {
  return { name, type, help, labels: [], read: (from) => [{ labels: {}, value: value(from) }] };
}

/** One gauge for each value of one label. */
function each<From>(
  name: string,
  help: string,
  label: string,
  values: (from: From) => readonly (readonly [string, number])[],
): Family<From> {
  const read = (from: From): readonly Sample[] =>
    values(from).map(([word, value]) => ({ labels: { [label]: word }, value }));
  return { name, type: "gauge", help, labels: [label], read };
}

/** One gauge for each cluster and shard; undefined: nothing to tell. */
function eachPass(
  name: string,
  help: string,
  value: (pass: Facts["passes"]["ages"][number]) => number | undefined,
): Family<Facts> {
  const read = ({ passes }: Facts): readonly Sample[] =>
    passes.ages.flatMap((pass) => {
      const seconds = value(pass);
      return seconds === undefined
        ? []
        : { labels: { cluster: pass.cluster, shard: String(pass.shard) }, value: seconds };
    });
  return { name, type: "gauge", help, labels: ["cluster", "shard"], read };
}

/** Exported whether the database answers or not; what is unknown has no sample. */
export const HEALTH_FAMILIES: readonly Family<Judgements>[] = [
  each("dory_component_healthy", "1 where the component is healthy, 0 where not.", "component", (judged) =>
    COMPONENTS.flatMap((name) =>
      judged[name].state === "unknown" ? [] : [[name, judged[name].state === "healthy" ? 1 : 0] as const],
    ),
  ),
  {
    name: "dory_config_watcher_healthy",
    type: "gauge",
    help: "1 where changed processors are looked at in time, 0 where not.",
    labels: [],
    read: ({ watcher: { state } }) => (state === "unknown" ? [] : [{ labels: {}, value: state === "healthy" ? 1 : 0 }]),
  },
];

export const FAMILIES: readonly Family<Facts>[] = [
  one("gauge", "dory_applications_total", "Processors that are not terminated.", (f) => f.processors.notTerminated),
  each("dory_pods_total", "Managed pods by phase, as last seen.", "status", ({ pods }) =>
    Object.entries(pods.byPhase).map(([phase, count]) => [phase.toLowerCase(), count]),
  ),
  one("gauge", "dory_nodes_total", "Nodes, as last seen.", (f) => f.hosts.all),
  each(
    "dory_node_utilization_ratio",
    "Managed pods over most pods of a node, of the fullest nodes.",
    "node",
    ({ fullestHosts }) => fullestHosts.map(({ name, ratio }) => [name, ratio]),
  ),
  one("gauge", "dory_reconciliation_queue_depth", "Tasks that are due and not taken.", (f) => f.tasks.due),
  one(
    "counter",
    "dory_scheduling_decisions_total",
    "Times that a processor was given a place.",
    (f) => f.processors.activationsEver,
  ),
  one(
    "gauge",
    "dory_database_connections_active",
    "Open connections of all functions to the database, idle ones too.",
    (f) => f.connections,
  ),
  one("gauge", "shoal_tasks_due", "Tasks that are due and not taken.", (f) => f.tasks.due),
  one("gauge", "shoal_tasks_later", "Tasks that are to be done later.", (f) => f.tasks.later),
  one("gauge", "shoal_tasks_leased", "Tasks that a worker has taken.", (f) => f.tasks.leased),
  one("gauge", "shoal_tasks_failing", "Tasks whose last try failed.", (f) => f.tasks.failing),
  one(
    "gauge",
    "shoal_tasks_oldest_seconds",
    "How long the oldest due task has waited; 0 where none waits.",
    (f) => f.tasks.oldestAge / 1000,
  ),
  each("shoal_operations", "Operations that have not ended, by state.", "state", ({ operations }) =>
    Object.entries(operations),
  ),
  each("shoal_processors", "Processors by stage.", "stage", ({ processors }) => Object.entries(processors.byStage)),
  eachPass(
    "shoal_pass_age_seconds",
    "Since a pass wrote where it ended; a quiet one writes every 10 minutes.",
    (p) => p.seconds,
  ),
  eachPass("shoal_pass_full_age_seconds", "Since a pass compared everything.", (p) => p.fullSeconds),
  eachPass("shoal_pass_lag_seconds", "How long the oldest change has waited for a pass.", (p) => p.lagSeconds),
  one("gauge", "shoal_observed_pods", "Managed pods, as last seen.", ({ pods }) =>
    Object.values(pods.byPhase).reduce((sum, count) => sum + count, 0),
  ),
  one("gauge", "shoal_observed_pods_ready", "Managed pods that were ready when last seen.", (f) => f.pods.ready),
  each("shoal_hosts", "Hosts by state, as last seen; a cordoned host may be ready.", "state", ({ hosts }) => [
    ["ready", hosts.ready],
    ["not_ready", hosts.all - hosts.ready],
    ["cordoned", hosts.cordoned],
  ]),
  one("counter", "shoal_events_total", "Events that were numbered.", (f) => f.eventsEver),
];
