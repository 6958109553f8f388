-- What the worker's role needs to tell how the control plane is: which files were applied, and how many events there were.
-- The sequence says the latter at once; counting rows would cost what exists, and forgets what retention removed.

grant select on schema_migrations to shoal_worker;
grant select on sequence events_id_seq to shoal_worker;
