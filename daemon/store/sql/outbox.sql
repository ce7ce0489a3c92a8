-- name: reserve_ids
-- Numbers for the notifications of a page, before their bodies are written.
select nextval('notification_ids') from generate_series(1, $1::integer)

-- name: find_predecessors
-- The unfinished notification, if any, that holds the latest event of each of these objects. What
-- a person has sent again holds up nothing.
select latest.object_id, latest.notification_id
from unnest($2::text[]) as wanted (object_id)
cross join lateral (
    select events.object_id, events.notification_id
    from events
    where events.resource_id = $1 and events.object_id = wanted.object_id
    order by events.sequence desc
    limit 1
) as latest
join notifications on notifications.id = latest.notification_id
where notifications.state in ('pending', 'retrying') and not notifications.replay

-- name: lock_predecessors
-- Of these, the ones still unfinished, kept from being settled until the transaction ends.
select id
from notifications
where id = any($1::bigint[]) and state in ('pending', 'retrying')
order by id
for share

-- name: insert_drafts
-- The notifications of a page and the events they hold.
with told as (
    insert into notifications (
        id, instance_id, resource_id, event_id, format, waits_for, due_at, events, body,
        page_read_at
    )
    select id, $1, $2, event_id, format, waits_for, due_at, events, body, $3
    from unnest(
        $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[], $9::integer[],
        $10::bytea[]
    ) as draft (id, event_id, format, waits_for, due_at, events, body)
)
insert into events (
    event_id, instance_id, resource_id, sequence, notification_id, object_id, object_key, type,
    revision, occurred_at, changed, backfill
)
select
    event_id, $1, $2, sequence, notification_id, object_id, object_key, type, revision,
    occurred_at, string_to_array(changed, E'\x1f'), backfill
from unnest(
    $11::text[], $12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::text[],
    $17::bigint[], $18::timestamptz[], $19::text[], $20::boolean[]
) as event (
    event_id, sequence, notification_id, object_id, object_key, type, revision, occurred_at,
    changed, backfill
)

-- name: measure_backlog
-- What has not ended yet, and since when the oldest of it has been there.
select count(*) as pending, min(created_at) as oldest_at
from notifications
where state in ('pending', 'retrying')

-- name: purge_finished
-- Some of what has been final for long, with its events and attempts; never what is waited for.
with old as (
    select id
    from notifications
    where finished_at < $1
        and not exists (
            select from notifications as successor where successor.waits_for = notifications.id
        )
    order by finished_at
    limit $2
    for update skip locked
)
delete from notifications using old where notifications.id = old.id
