-- Who may do what, and the rows that everything else hangs on.
--
-- Roles (cluster-wide, hence created only if missing):
--   shoal_tenant  the Manager. Every statement runs inside `set local shoal.organisation_id`, and row level security
--                 (forced, so that not even the owner slips past) shows it that organisation's rows alone.
--   shoal_accounts  the Manager before it knows the organisation: authentication and opening accounts, nothing else.
--   shoal_worker  dispatcher, orchestrator and tick: they serve all organisations, but may touch only what they work on.
-- Login roles are granted one of the two by whoever deploys; nothing logs in as the owner after migration.

do $$
begin
  if not exists (select from pg_roles where rolname = 'shoal_tenant') then create role shoal_tenant nologin; end if;
  if not exists (select from pg_roles where rolname = 'shoal_accounts') then create role shoal_accounts nologin; end if;
  if not exists (select from pg_roles where rolname = 'shoal_worker') then create role shoal_worker nologin; end if;
exception when duplicate_object or unique_violation then null; -- two databases of one server migrated at once
end $$;

grant usage on schema public to shoal_tenant, shoal_accounts, shoal_worker;

-- The organisation of the running transaction; null outside of one, which matches no row.
create function current_organisation() returns text language sql stable parallel safe
  as $$ select nullif(current_setting('shoal.organisation_id', true), '') $$;

create table plans (
  name text primary key,
  max_processors int not null,
  max_templates int not null,
  max_api_keys int not null,
  requests_per_minute int not null
);
insert into plans (name, max_processors, max_templates, max_api_keys, requests_per_minute) values
  ('free', 10, 10, 10, 600),
  ('team', 1000, 200, 100, 6000),
  ('scale', 100000, 2000, 1000, 60000);

create table organisations (
  id text primary key,
  slug text not null unique,
  name text not null,
  plan text not null references plans (name),
  created_at timestamptz not null default now()
);

create table users (
  id text primary key,
  email text not null,
  name text not null,
  issuer text not null,
  subject text not null,
  created_at timestamptz not null default now(),
  unique (issuer, subject)
);

create table memberships (
  organisation_id text not null references organisations (id),
  user_id text not null references users (id),
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (organisation_id, user_id)
);

-- Tokens are kept as SHA-256 only: a copy of this table opens nothing.
create table sessions (
  id text primary key,
  organisation_id text not null references organisations (id),
  user_id text not null references users (id),
  token_hash bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table api_keys (
  id text primary key,
  organisation_id text not null references organisations (id),
  name text not null,
  token_hint text not null, -- its first characters, to recognise it by
  token_hash bytea not null unique,
  scopes text[] not null,
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_by_organisation on api_keys (organisation_id, created_at desc, id desc);

create table idempotency_keys (
  organisation_id text not null references organisations (id),
  key text not null,
  route text not null,
  request_hash text not null,
  response_status int, -- null while the first request is still running
  response_body jsonb,
  created_at timestamptz not null default now(),
  primary key (organisation_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

create table audit_log (
  id bigint generated always as identity primary key,
  organisation_id text not null references organisations (id),
  at timestamptz not null default now(),
  actor_kind text not null check (actor_kind in ('user', 'api_key', 'system')),
  actor_id text not null,
  action text not null,
  resource_kind text not null,
  resource_id text not null,
  request_id text not null,
  details jsonb not null default '{}'
);
create index audit_log_by_organisation on audit_log (organisation_id, id desc);
