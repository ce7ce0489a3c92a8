-- name: find_named
-- The living instance with this id, or those with this name, of any organization.
select id, name, element_key, state, state_reason, credentials_refresh_at
from instances
where deleted_at is null and (id = $1 or ($1 is null and name = $2))
order by id
limit 10

-- name: count_snapshots
-- How many objects are known of each resource of an instance.
select r.name, (
    select count(*) from snapshots as s where s.resource_id = r.id and not s.deleted
) as objects
from resources as r
where r.instance_id = $1
