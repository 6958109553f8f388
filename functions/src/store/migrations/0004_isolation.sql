-- Row level security by organisation, and the grants of each role. `force` so that even the owner is subject to it.

do $$
declare t text;
begin
  foreach t in array array['memberships', 'sessions', 'api_keys', 'idempotency_keys', 'audit_log', 'processor_templates',
    'processor_template_versions', 'sensors', 'processors', 'activations', 'operations', 'events', 'tasks'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy tenant on %I to shoal_tenant using (organisation_id = current_organisation()) with check (organisation_id = current_organisation())', t);
    execute format('create policy worker on %I to shoal_worker using (true) with check (true)', t);
  end loop;
end $$;

alter table organisations enable row level security;
alter table organisations force row level security;
create policy tenant on organisations to shoal_tenant using (id = current_organisation());
create policy worker on organisations to shoal_worker using (true);

-- Users are visible through a membership in the organisation at hand.
alter table users enable row level security;
alter table users force row level security;
create policy tenant on users for select to shoal_tenant
  using (exists (select from memberships m where m.user_id = users.id and m.organisation_id = current_organisation()));

-- Finding out who calls, and opening an account, come before an organisation is known. Only this role may do it, and it
-- sees accounts alone: no template, no processor, no event.
do $$
declare t text;
begin
  foreach t in array array['organisations', 'users', 'memberships', 'sessions', 'api_keys'] loop
    execute format('create policy accounts on %I to shoal_accounts using (true) with check (true)', t);
  end loop;
end $$;
create policy accounts on audit_log for insert to shoal_accounts with check (true);
grant select on plans to shoal_accounts;
grant select, insert, update on organisations, users, memberships, sessions, api_keys to shoal_accounts;
grant insert on audit_log to shoal_accounts;

grant select on plans, clusters to shoal_tenant;
grant select, update (name) on organisations to shoal_tenant;
grant select on users to shoal_tenant;
grant select, insert, update, delete on memberships to shoal_tenant;
grant select, insert, update on sessions, api_keys, operations, processors to shoal_tenant;
grant select, insert, update, delete on idempotency_keys, processor_templates, processor_template_versions to shoal_tenant;
grant select on sensors, activations to shoal_tenant;
grant select, insert on audit_log, events to shoal_tenant; -- append only
grant select, insert, update on tasks to shoal_tenant; -- a knock on a leased row sets `woken`

grant select on plans, organisations, clusters, processor_templates, processor_template_versions, sensors to shoal_worker;
grant insert on clusters to shoal_worker;
grant select, update on processors, operations to shoal_worker;
grant select, insert on events, audit_log to shoal_worker;
grant delete on events, idempotency_keys to shoal_worker; -- retention
grant select on idempotency_keys to shoal_worker;
grant select, insert, update, delete on tasks, hosts, observed_pods, passes, activations to shoal_worker;
