-- name: list_by_time
-- The newest events of an organization, page by page.
with page as (
    select events.created_at, events.event_id
    from events
    join instances on instances.id = events.instance_id
    join resources on resources.id = events.resource_id
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint is null or events.instance_id = $2)
        and (events.created_at, events.event_id) < ($3, $4)
        and events.created_at >= $5
        and ($6::text[] is null or events.type = any($6))
        and ($7::text is null or resources.name = $7)
        and ($8::text[] is null or (
            select state from notifications where id = events.notification_id
        ) = any($8))
    order by events.created_at desc, events.event_id desc
    limit $9
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at desc, told_events.event_id desc

-- name: list_of_instance
-- The same for one instance; its id stands in the comparisons so that its own index answers them.
with page as (
    select found.*
    from instances
    cross join lateral (
        select events.*
        from events
        where events.instance_id = instances.id
            and (events.instance_id, events.created_at, events.event_id) < (instances.id, $3, $4)
            and (events.instance_id, events.created_at) >= (instances.id, $5)
            and ($6::text[] is null or events.type = any($6))
            and ($7::text is null or events.resource_id = (
                select id from resources
                where resources.instance_id = instances.id and resources.name = $7
            ))
            and ($8::text[] is null or (
                select state from notifications where id = events.notification_id
            ) = any($8))
        order by events.created_at desc, events.event_id desc
        limit $9
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and instances.id = $2
    order by found.created_at desc, found.event_id desc
    limit $9
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at desc, told_events.event_id desc

-- name: list_unfinished
-- The same for what is still on its way, which may be few among very many.
with page as (
    select found.*
    from instances
    cross join lateral (
        select events.created_at, events.event_id
        from notifications
        join events on events.notification_id = notifications.id
        where notifications.instance_id = instances.id
            and notifications.state in ('pending', 'retrying')
            and notifications.state = any($8::text[])
            and notifications.created_at <= $3
            and notifications.created_at >= $5
            and (events.created_at, events.event_id) < ($3, $4)
            and ($6::text[] is null or events.type = any($6))
            and ($7::text is null or events.resource_id = (
                select id from resources
                where resources.instance_id = instances.id and resources.name = $7
            ))
        order by notifications.created_at desc, events.event_id desc
        limit $9
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint is null or instances.id = $2)
    order by found.created_at desc, found.event_id desc
    limit $9
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at desc, told_events.event_id desc

-- name: list_ended
-- The same for what ended without being delivered.
with page as (
    select events.created_at, events.event_id
    from notifications
    join instances on instances.id = notifications.instance_id
    join resources on resources.id = notifications.resource_id
    join events on events.notification_id = notifications.id
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint is null or notifications.instance_id = $2)
        and notifications.state in ('dead', 'cancelled', 'split')
        and notifications.state = any($8::text[])
        and notifications.created_at <= $3
        and notifications.created_at >= $5
        and (events.created_at, events.event_id) < ($3, $4)
        and ($6::text[] is null or events.type = any($6))
        and ($7::text is null or resources.name = $7)
    order by notifications.created_at desc, events.event_id desc
    limit $9
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at desc, told_events.event_id desc

-- name: list_of_object
-- The events of one object, which people know by its key; `is true` keeps the index by time out of it.
with object as (
    select snapshots.resource_id, snapshots.object_id
    from snapshots
    where snapshots.object_key = $10
    union
    select events.resource_id, events.object_id
    from events
    where events.object_id = $10
), page as (
    select found.*
    from object
    join resources on resources.id = object.resource_id
    join instances on instances.id = resources.instance_id
    cross join lateral (
        select events.created_at, events.event_id
        from events
        where events.resource_id = object.resource_id
            and events.object_id = object.object_id
            and ((events.created_at, events.event_id) < ($3, $4)) is true
            and (events.created_at >= $5) is true
            and ($6::text[] is null or events.type = any($6))
            and ($8::text[] is null or (
                select state from notifications where id = events.notification_id
            ) = any($8))
        order by events.sequence desc
        limit $9
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint is null or instances.id = $2)
        and ($7::text is null or resources.name = $7)
    order by found.created_at desc, found.event_id desc
    limit $9
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at desc, told_events.event_id desc

-- name: list_by_sequence
-- Every number of a resource from one on, those included whose event is no longer kept.
select number as wanted_sequence, told.*
from resources
cross join generate_series($3::bigint, least($3 + $4 - 1, resources.next_sequence - 1)) as number
left join lateral (
    select *
    from told_events
    where told_events.resource_id = resources.id and told_events.sequence = number
    limit 1
) as told on true
where resources.instance_id = $1 and resources.name = $2
order by number

-- name: list_new
-- What came after a place in time and before the horizon, the oldest first.
with page as (
    select events.created_at, events.event_id
    from events
    join instances on instances.id = events.instance_id
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint is null or events.instance_id = $2)
        and (events.created_at, events.event_id) > ($3, $4)
        and events.created_at < $5
    order by events.created_at, events.event_id
    limit $6
)
select told_events.*
from page
join told_events on told_events.event_id = page.event_id
order by told_events.created_at, told_events.event_id

-- name: horizon
-- Before it nothing new can appear: no transaction of ours that is still open began earlier, and an
-- event is dated by the beginning of its transaction. The margin is for one that has just begun and
-- does not show yet.
select least(now() - interval '100 ms', min(xact_start)) as horizon
from pg_stat_activity
where datname = current_database()
    and application_name = current_setting('application_name')
    and pid <> pg_backend_pid()

-- name: find_notification
-- A notification by its own event id, by that of one of its events, or by its number.
select
    notifications.id, notifications.instance_id, notifications.event_id, notifications.format,
    notifications.state, notifications.parent_id, notifications.replay, notifications.due_at,
    notifications.attempts, notifications.events, notifications.body, notifications.page_read_at,
    notifications.created_at, notifications.finished_at, notifications.waits_for,
    resources.name as object_type
from notifications
join instances on instances.id = notifications.instance_id
join resources on resources.id = notifications.resource_id
where notifications.id in (
        select id from notifications where event_id = $3
        union all
        select notification_id from events where event_id = $3
        union all
        select $4::bigint where $4 is not null
    )
    and instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint is null or instances.id = $2)

-- name: list_of_notification
-- The events that a notification tells, in their order.
select * from told_events where notification_id = $1 order by sequence

-- name: list_parts
-- What a split one was replaced by.
select id, event_id, state from notifications where parent_id = $1 order by id

-- name: list_attempts
-- Every attempt at some notifications, the oldest first.
select notification_id, number, started_at, duration_seconds, outcome, status, spent, answer
from attempts
where notification_id = any($1::bigint[])
order by notification_id, id
