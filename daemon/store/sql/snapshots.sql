-- name: known_snapshots
-- What is remembered of the objects of a page.
select object_id, object_key, stamp_at, content_hash, digests, revision, projection, deleted
from snapshots
where resource_id = $1 and object_id = any($2::text[])

-- name: insert_snapshots
-- Objects seen for the first time; one that exists already means somebody else wrote it.
insert into snapshots (
    resource_id, object_id, object_key, stamp_at, content_hash, digests, revision, projection
)
select $1, *
from unnest(
    $2::text[], $3::text[], $4::timestamptz[], $5::bytea[], $6::bytea[], $7::bigint[], $8::bigint[]
)
on conflict do nothing

-- name: update_snapshots
-- New versions of known objects, each only if its revision is still the one read.
update snapshots as s
set stamp_at = n.stamp_at, content_hash = n.content_hash, digests = n.digests,
    revision = n.revision, projection = n.projection, deleted = n.deleted,
    absent_sweeps = 0
from unnest(
    $2::text[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[],
    $8::boolean[], $9::bigint[]
) as n (object_id, stamp_at, content_hash, digests, revision, projection, deleted, expected)
where s.resource_id = $1 and s.object_id = n.object_id and s.revision = n.expected
