-- name: count_unfinished
-- Notifications that have not ended.
select count(*) from notifications where state in ('pending', 'retrying')

-- name: count_by_state
-- Notifications by how they ended, of those made since.
select state, count(*) as notifications, sum(events) as events
from notifications
where created_at >= $1
group by state

-- name: count_attempts
-- Attempts made since.
select count(*) from attempts where started_at >= $1

-- name: now
-- The server's clock, by which rows are dated.
select now()

-- name: explain_resources
-- How the polling of resources goes.
select state, last_error, count(*) as resources, sum(next_sequence - 1) as told
from resources
group by state, last_error

-- name: explain_notifications
-- How the sending goes.
select n.state, e.state as endpoint, e.last_error, count(*) as notifications
from notifications as n
join endpoints as e on e.instance_id = n.instance_id
group by n.state, e.state, e.last_error

-- name: count_told
-- Events of a named instance so far, without looking at them.
select sum(r.next_sequence - 1)
from resources as r
join instances as i on i.id = r.instance_id
where i.name = $1

-- name: sum_up
-- Whether each object was told once, marked as old, without a gap; how many notifications it took.
select
    count(*) as events, count(distinct e.object_id) as objects,
    count(*) filter (where e.backfill) as marked, max(e.sequence) as last,
    count(distinct e.notification_id) as notifications
from events as e
join instances as i on i.id = e.instance_id
where i.name = $1

-- name: list_lanes
-- Each instance with its resource, where each has one.
select instances.name, resources.instance_id, resources.id as resource_id
from resources
join instances on instances.id = resources.instance_id
