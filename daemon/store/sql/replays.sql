-- name: revive
-- Final ones to be sent again under their ids with fresh attempts, marked as repeats, and the
-- history of their attempts kept; unfinished ones are brought forward. A split one's parts count.
with chosen as (
    select id
    from notifications
    where (id = any($1::bigint[]) or parent_id = any($1::bigint[]))
        and state in ('pending', 'retrying', 'delivered', 'dead')
    order by id
    for no key update
)
update notifications
set state = 'pending',
    replay = replay or state in ('delivered', 'dead'),
    attempts = 0,
    due_at = now(),
    finished_at = null
from chosen
where notifications.id = chosen.id
returning notifications.id, notifications.events

-- name: measure
-- What `revive` would send again.
select events
from notifications
where (id = any($1::bigint[]) or parent_id = any($1::bigint[]))
    and state in ('pending', 'retrying', 'delivered', 'dead')

-- name: choose_dead
-- A batch of what was given up in a span of time, in its order.
select id, created_at, finished_at, events
from notifications
where instance_id = $1
    and state = 'dead'
    and created_at >= $2
    and created_at < $3
    and (created_at, id) > ($4, $5)
    and ($6::text is null or resource_id = (
        select id from resources where resources.instance_id = $1 and resources.name = $6
    ))
order by created_at, id
limit $7

-- name: choose_delivered
-- The same of what was delivered, found by its events.
select notifications.id, batch.created_at, notifications.finished_at, notifications.events
from (
    select distinct events.created_at, events.notification_id
    from events
    join notifications on notifications.id = events.notification_id
    where events.instance_id = $1
        and notifications.state = 'delivered'
        and (events.instance_id, events.created_at) >= ($1, greatest($2::timestamptz, $4::timestamptz))
        and (events.instance_id, events.created_at) < ($1, $3)
        and (events.created_at, events.notification_id) > ($4, $5)
        and ($6::text is null or events.resource_id = (
            select id from resources where resources.instance_id = $1 and resources.name = $6
        ))
    order by events.created_at, events.notification_id
    limit $7
) as batch
join notifications on notifications.id = batch.notification_id
order by batch.created_at, notifications.id

-- name: purge_dead
-- Some of what was given up, removed for good with its events and attempts; their numbers stay.
with doomed as (
    select id, events
    from notifications
    where instance_id = $1
        and state = 'dead'
        and created_at < $2
        and ($3::bigint is null or id = $3)
        and ($4::text is null or resource_id = (
            select id from resources where resources.instance_id = $1 and resources.name = $4
        ))
        and not exists (
            select from notifications as successor where successor.waits_for = notifications.id
        )
    order by created_at
    limit $5
    for update skip locked
)
delete from notifications
using doomed
where notifications.id = doomed.id
returning doomed.events
