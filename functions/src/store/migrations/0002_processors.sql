-- Intent: templates, their versions, processors. Column names of the processor join are those that existing tools read:
-- processors -> processor_templates -> processor_template_versions (is_active) and, where there is one, sensors.

create table processor_templates (
  id text primary key,
  organisation_id text not null references organisations (id),
  slug text not null,
  name text not null,
  description text not null default '',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organisation_id, slug)
);

create table processor_template_versions (
  id text primary key,
  organisation_id text not null references organisations (id),
  processor_template_id text not null references processor_templates (id) on delete cascade,
  version text not null,
  image_uri text not null,
  digest text not null,
  is_active boolean not null default false,
  runtime_config_template jsonb not null,
  created_at timestamptz not null default now(),
  unique (processor_template_id, version)
);
-- "The" version of a template is unambiguous in the database itself.
create unique index processor_template_versions_one_active on processor_template_versions (processor_template_id) where is_active;

create table sensors (
  id text primary key,
  organisation_id text not null references organisations (id),
  name text not null,
  latitude double precision,
  longitude double precision,
  unique (organisation_id, name)
);

create table clusters (
  id text primary key,
  name text not null unique,
  k8s_namespace text not null,
  created_at timestamptz not null default now()
);

create table processors (
  id text primary key,
  organisation_id text not null references organisations (id),
  name text not null,
  processor_template_id text not null references processor_templates (id),
  sensor_id text references sensors (id),
  cluster_id text not null references clusters (id),
  node_type text not null default 'managed' check (node_type in ('managed', 'edge')),
  k8s_namespace text not null,
  config jsonb not null default '{}', -- laid over the version's runtime_config_template
  restarts_requested int not null default 0, -- part of the content hash: a restart is a change like any other
  -- intent
  generation bigint not null default 1,
  deletion_requested_at timestamptz,
  -- what was made of it
  observed_generation bigint not null default 0,
  status text not null default 'pending',
  conditions jsonb not null default '[]',
  health_status text not null default 'unknown',
  last_health_check_at timestamptz,
  -- the pod that holds the activation
  epoch bigint not null default 0,
  pod_name text,
  pod_uid text,
  pod_ip text,
  host_name text,
  spec_hash text, -- content hash of the pod that was created last
  -- the dispatcher's place on the road, and since when (deadlines)
  stage text not null default 'accept',
  stage_since timestamptz not null default now(),
  -- what placement has set aside for it
  reserved_cpu_milli int not null default 0,
  reserved_memory_mib int not null default 0,
  reserved_gpu int not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  terminated_at timestamptz,
  -- The transaction that changed the row last. A cursor moves to the snapshot's xmin, so that a transaction that commits
  -- late is never skipped, as it would be with a sequence.
  change_seq xid8 not null default pg_current_xact_id()
);
create unique index processors_name on processors (organisation_id, name) where terminated_at is null;
create index processors_page on processors (organisation_id, created_at desc, id desc);
create index processors_by_change on processors (change_seq);
create index processors_by_template on processors (processor_template_id) where terminated_at is null;
create index processors_by_host on processors (cluster_id, host_name) where host_name is not null and terminated_at is null;
create index processors_unsettled on processors (stage_since) where terminated_at is null and stage not in ('running', 'failed');

create function touch_change_seq() returns trigger language plpgsql as $$
begin
  new.change_seq := pg_current_xact_id();
  new.updated_at := now();
  return new;
end $$;
create trigger processors_touch before update on processors
  for each row when (old.* is distinct from new.*) execute function touch_change_seq();

-- Which pod held which epoch: an epoch has one holder, ever.
create table activations (
  processor_id text not null references processors (id),
  epoch bigint not null,
  organisation_id text not null references organisations (id),
  pod_name text not null,
  pod_uid text,
  host_name text,
  because text not null,
  created_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (processor_id, epoch)
);

create table operations (
  id text primary key,
  organisation_id text not null references organisations (id),
  kind text not null,
  resource_kind text not null,
  resource_id text not null,
  generation bigint not null, -- succeeds once the resource has observed this generation or a later one
  state text not null default 'pending' check (state in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  error_code text,
  error_message text,
  requested_by text not null,
  trace_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  done_at timestamptz
);
create index operations_page on operations (organisation_id, created_at desc, id desc);
create index operations_open on operations (resource_id) where state in ('pending', 'running');

-- What happened, for SSE and the console. Readers follow (change_seq, id) below the snapshot's xmin: nothing is skipped.
create table events (
  id bigint generated always as identity primary key,
  change_seq xid8 not null default pg_current_xact_id(),
  organisation_id text not null references organisations (id),
  at timestamptz not null default now(),
  kind text not null, -- e.g. processor.running
  resource_kind text not null,
  resource_id text not null,
  generation bigint,
  reason text not null default '',
  message text not null default '',
  data jsonb not null default '{}',
  trace_id text
);
create index events_follow on events (organisation_id, change_seq, id);
create index events_by_age on events (at);
