-- name: note_sightings
-- Objects that the running sweep has seen; answers how many of them for the first time.
with added as (
    insert into sweep_sightings (resource_id, object_id)
    select $1, * from unnest($2::text[])
    on conflict do nothing
    returning 1
)
select count(*) from added

-- name: count_sightings
-- How many objects the running sweep has seen; fewer than it noted means that a crash took some.
select count(*) from sweep_sightings where resource_id = $1

-- name: clear_sightings
-- Forget a sweep, some rows at a time.
delete from sweep_sightings
where resource_id = $1
    and object_id in (
        select object_id from sweep_sightings where resource_id = $1 limit $2
    )

-- name: mark_absent
-- The end of a complete listing: what it did not show was absent once more, the rest is present.
-- Above zero counts towards a deletion; below, the object is there, but the listing leaves it out.
-- Where the listing went by another filter ($2), what it did not show has rather left the filter:
-- the next one decides whether it is looked at, as soon as it would have been.
update snapshots as s
set absent_sweeps = case
        when seen.object_id is not null then 0
        when s.absent_sweeps >= 0 and $2 then -3
        when s.absent_sweeps >= 0 then least(s.absent_sweeps + 1, 100)
        else greatest(s.absent_sweeps - 1, -100)
    end
from snapshots as known
left join sweep_sightings as seen
    on seen.resource_id = known.resource_id and seen.object_id = known.object_id
where known.resource_id = $1
    and s.resource_id = known.resource_id
    and s.object_id = known.object_id
    and not known.deleted
    and (seen.object_id is null or known.absent_sweeps <> 0)

-- name: list_absent
-- Objects that were absent from two complete sweeps.
select object_id, object_key, stamp_at, content_hash, digests, revision, projection, deleted
from snapshots
where resource_id = $1 and absent_sweeps >= 2 and not deleted
order by object_id
limit $2

-- name: count_absent
-- How many objects the last listing did not show, whatever the ones before it did.
select count(*) from snapshots where resource_id = $1 and absent_sweeps >= 1 and not deleted

-- name: count_living
-- How many objects are known and not told as deleted.
select count(*) from snapshots where resource_id = $1 and not deleted

-- name: count_outside
-- How many objects are there, although no listing shows them.
select count(*) from snapshots where resource_id = $1 and absent_sweeps < 0 and not deleted

-- name: list_unlisted
-- Objects outside of the listing, in whose case it is time to look again.
select object_id, object_key, stamp_at, content_hash, digests, revision, projection, deleted
from snapshots
where resource_id = $1 and absent_sweeps <= -4 and not deleted
order by object_id
limit $2

-- name: mark_unlisted
-- Objects that are there, although no listing shows them.
update snapshots set absent_sweeps = -1 where resource_id = $1 and object_id = any($2::text[])

-- name: purge_sightings
-- Some of what sweeps left behind that were called off: those of resources that are not listing.
delete from sweep_sightings
where (resource_id, object_id) in (
    select s.resource_id, s.object_id
    from sweep_sightings as s
    where not exists (
        select from resources
        where resources.id = s.resource_id
            and coalesce(resources.work #>> '{sweep,phase}', 'waiting') <> 'waiting'
    )
    limit $1
)
