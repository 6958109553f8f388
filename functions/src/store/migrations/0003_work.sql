-- The road's machinery: due work, passes, and what was seen outside.

-- One row per thing that has to be looked at. The row is intent's outbox: it commits with the intent, and a wake-up that
-- is lost costs the time until the next sweep, nothing else. A row with `lease_until` is leased; `woken` says that somebody
-- knocked while it was.
--
-- No index names a column that a lease changes, and pages are left half empty: a lease is then a heap-only update that
-- touches no index. Leased rows stay at the head of `tasks_due`, where their number is bounded by what workers hold, and
-- one whose lease ran out is simply the next to be found.
create table tasks (
  id bigint generated always as identity primary key,
  kind text not null,
  key text not null,
  organisation_id text,
  generation bigint not null default 0,
  run_at timestamptz not null default now(),
  lease_until timestamptz,
  fence int not null default 0, -- raised by each lease; the completing statement checks it
  attempts int not null default 0, -- failed tries since the last success
  woken boolean not null default false,
  last_error text,
  trace_id text,
  created_at timestamptz not null default now(),
  unique (kind, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 1);
create index tasks_due on tasks (run_at);

-- Where the last orchestrator pass of a cluster and shard ended. The lease of a pass is an advisory lock inside its
-- transaction, bounded by idle_in_transaction_session_timeout: a pass that finds nothing writes nothing, and one that
-- hangs loses its transaction, and with it every write, by the database's own clock.
create table passes (
  cluster_id text not null references clusters (id),
  shard int not null,
  change_cursor xid8 not null default '0',
  pods_resource_version text,
  hosts_resource_version text,
  cursor_moved_at timestamptz,
  full_at timestamptz, -- last pass that compared everything
  primary key (cluster_id, shard)
);

create table hosts (
  cluster_id text not null references clusters (id),
  name text not null,
  uid text not null,
  ready boolean not null,
  ready_changed_at timestamptz,
  cordoned boolean not null default false,
  zone text not null default '',
  labels jsonb not null default '{}',
  taints jsonb not null default '[]',
  cpu_milli int not null,
  memory_mib int not null,
  pods int not null,
  gpu int not null default 0,
  content_hash text not null, -- of the columns above: an unchanged host costs no write
  seen_at timestamptz not null default now(),
  primary key (cluster_id, name)
);

create table observed_pods (
  cluster_id text not null references clusters (id),
  namespace text not null,
  name text not null,
  uid text not null,
  processor_id text not null,
  epoch bigint not null,
  spec_hash text not null,
  phase text not null,
  ready boolean not null,
  deleting boolean not null default false,
  restarts int not null default 0,
  reason text not null default '',
  message text not null default '',
  pod_ip text,
  host_name text,
  content_hash text not null,
  seen_at timestamptz not null default now(),
  primary key (cluster_id, namespace, name)
);
create index observed_pods_by_processor on observed_pods (processor_id);
