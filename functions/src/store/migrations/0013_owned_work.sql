-- Work on a processor belongs to its organisation. A row of nobody's is invisible to the tenant whose knock would meet it.
update tasks t set organisation_id = p.organisation_id from processors p
  where t.kind = 'processor' and t.key = p.id and t.organisation_id is null;
delete from tasks where kind = 'processor' and organisation_id is null;
alter table tasks add constraint tasks_owned check (kind <> 'processor' or organisation_id is not null);
