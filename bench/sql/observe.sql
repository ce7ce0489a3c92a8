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
