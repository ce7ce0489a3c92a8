-- name: count_buckets
-- Events by the time they were written: each bucket of the span, and in it each instance.
select
    date_trunc($5, events.created_at) as bucket,
    events.instance_id,
    count(*) as count,
    count(*) filter (where notifications.state = 'delivered') as success,
    count(*) filter (where notifications.state = 'dead') as failed
from instances
join events on events.instance_id = instances.id
join notifications on notifications.id = events.notification_id
where instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint is null or instances.id = $2)
    and events.created_at >= date_trunc($5, $3::timestamptz)
    and events.created_at <= $4
group by bucket, events.instance_id
order by bucket, events.instance_id

-- name: count_plain
-- The same without what became of them, which the index alone can tell.
select
    date_trunc($5, events.created_at) as bucket,
    events.instance_id,
    count(*) as count,
    0::bigint as success,
    0::bigint as failed
from instances
join events on events.instance_id = instances.id
where instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint is null or instances.id = $2)
    and events.created_at >= date_trunc($5, $3::timestamptz)
    and events.created_at <= $4
group by bucket, events.instance_id
order by bucket, events.instance_id

-- name: list_buckets
-- The beginnings of all buckets of a span, empty ones too.
select bucket
from generate_series(
    date_trunc($3, $1::timestamptz), $2::timestamptz, ('1 ' || $3)::interval
) as bucket
limit $4

-- name: list_poller_records
-- One row per polled resource: what the poller last did about it.
select
    resources.id, resources.instance_id, instances.element_key, resources.name, resources.state,
    resources.cursor_at, resources.last_poll_at, resources.last_success_at, resources.next_poll_at,
    resources.last_error, resources.next_sequence, resources.created_at
from resources
join instances on instances.id = resources.instance_id
where instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint is null or instances.id = $2)
    and resources.id > $3
order by resources.id
limit $4
