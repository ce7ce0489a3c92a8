-- name: count_changes
-- Changes of an organization by time and type: those from $2 until $3, $4 seconds a bucket.
select
    date_bin(make_interval(secs => $4), events.created_at, to_timestamp(0)) as bucket_at,
    '' as resource,
    events.type,
    count(*) as changes
from events
join instances on instances.id = events.instance_id
where events.created_at >= $2
    and events.created_at < $3
    and instances.organization_id = $1
group by 1, 3
order by 1, 3

-- name: count_changes_of_instance
-- The same for the instance $5, by resource too.
select
    date_bin(make_interval(secs => $4), events.created_at, to_timestamp(0)) as bucket_at,
    resources.name as resource,
    events.type,
    count(*) as changes
from events
join instances on instances.id = events.instance_id
join resources on resources.id = events.resource_id
where (events.instance_id, events.created_at) >= ($5, $2)
    and (events.instance_id, events.created_at) < ($5, $3)
    and instances.organization_id = $1
group by 1, 2, 3
order by 1, 2, 3

-- name: measure_latency
-- How long the delivered took from the page read to the 2xx, by time; the latest $5 of them.
select
    date_bin(make_interval(secs => $4), delivered.finished_at, to_timestamp(0)) as bucket_at,
    percentile_cont(0.5) within group (order by delivered.seconds) as p50,
    percentile_cont(0.99) within group (order by delivered.seconds) as p99
from (
    select
        notifications.finished_at,
        extract(epoch from notifications.finished_at - notifications.page_read_at)::double precision as seconds
    from notifications
    join instances on instances.id = notifications.instance_id
    where notifications.finished_at > now() - make_interval(secs => $3)
        and notifications.state = 'delivered'
        and not notifications.replay
        and instances.organization_id = $1
        and ($2::bigint is null or notifications.instance_id = $2)
    order by notifications.finished_at desc
    limit $5
) as delivered
group by 1
order by 1
