-- name: lock
-- One reading of a configuration file at a time per database.
select pg_advisory_xact_lock($1)

-- name: list
-- Every living instance that a file declared, the ones it no longer names included.
select id, organization_id, declared_name, declared_seed, state
from instances
where declared_name is not null and deleted_at is null
order by id

-- name: mark
-- By which name, and under which credentials of the file it stands now.
update instances
set declared_name = $2, declared_seed = coalesce($3, declared_seed)
where id = $1
