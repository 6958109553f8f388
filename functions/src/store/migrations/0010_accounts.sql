-- What the Manager needs beyond the foundations.

-- A template that had processors stays for their history, out of sight; its slug is free again.
alter table processor_templates add deleted_at timestamptz;
alter table processor_templates drop constraint processor_templates_organisation_id_slug_key;
create unique index processor_templates_slug on processor_templates (organisation_id, slug) where deleted_at is null;
create index processor_templates_page on processor_templates (organisation_id, created_at desc, id desc) where deleted_at is null;
create index processor_template_versions_page on processor_template_versions (processor_template_id, created_at desc, id desc);
create index memberships_by_user on memberships (user_id, created_at);

-- Whoever signs in with a verified address that was invited becomes a member. The address is kept in lower case.
create table invitations (
  organisation_id text not null references organisations (id),
  email text not null,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  invited_by text not null,
  created_at timestamptz not null default now(),
  primary key (organisation_id, email)
);
create index invitations_by_email on invitations (email);
alter table invitations enable row level security;
alter table invitations force row level security;
create policy tenant on invitations to shoal_tenant using (organisation_id = current_organisation()) with check (organisation_id = current_organisation());
create policy accounts on invitations to shoal_accounts using (true) with check (true);
grant select, insert, update, delete on invitations to shoal_tenant;
grant select, insert, update, delete on invitations to shoal_accounts;

-- Opening an organisation belongs to no tenant yet, so its idempotency key is the one that the accounts role may keep.
create policy accounts on idempotency_keys to shoal_accounts
  using (route = 'organisations.create') with check (route = 'organisations.create');
grant select, insert, update on idempotency_keys to shoal_accounts;
