-- name: load_split
-- What was just split, one row per event that is still in it; its resource tells where ids are.
select
    parent.id, parent.format, parent.body, events.event_id, events.resource_id, events.object_id,
    coalesce(resources.configuration ->> 'idField', '') as id_field
from notifications as parent
join events on events.notification_id = parent.id
join resources on resources.id = parent.resource_id
where parent.id = any($1::bigint[]) and parent.state = 'split'
order by parent.id, events.sequence

-- name: reserve_ids
-- Numbers for the parts.
select nextval('notification_ids') from generate_series(1, $1::integer)

-- name: insert_parts
-- A notification of its own for each event, in the place of the whole one and with fresh attempts.
insert into notifications (
    id, instance_id, resource_id, event_id, format, parent_id, replay, due_at, events, body,
    page_read_at, created_at
)
select
    part.id, parent.instance_id, parent.resource_id, part.event_id, parent.format, parent.id,
    parent.replay, parent.due_at, 1, part.body, parent.page_read_at, parent.created_at
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) as part (
    parent_id, id, event_id, body
)
join notifications as parent on parent.id = part.parent_id
order by part.id
returning id, instance_id, event_id, format, due_at, attempts, replay, page_read_at, events,
    case when octet_length(body) <= $5 then body end as body

-- name: move_events
-- Each event belongs to its part from now on.
update events
set notification_id = part.id
from unnest($1::text[], $2::bigint[]) as part (told, id)
where events.event_id = part.told

-- name: move_successors
-- Who waited for the whole waits for the part that holds its object.
with waiting as (
    select successor.id, part.id as part_id
    from notifications as successor
    join events on events.notification_id = successor.id
    join unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) as part (
        parent_id, id, resource_id, object_id
    )
        on part.parent_id = successor.waits_for
        and part.resource_id = events.resource_id
        and part.object_id = events.object_id
    where successor.waits_for = any($1::bigint[])
)
update notifications
set waits_for = waiting.part_id
from waiting
where notifications.id = waiting.id
