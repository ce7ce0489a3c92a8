-- name: begin_anew
-- These endpoints are as new: nothing is known against them, nothing was tried.
with endpoint as (
    update endpoints
    set state = 'healthy', failures = 0, failing_since = null, next_probe_at = null,
        last_error = null, last_success_at = null, disabled_reason = null
    where instance_id = any($1::bigint[])
)
update notifications
set state = 'pending', attempts = 0, due_at = page_read_at
where instance_id = any($1::bigint[]) and state = 'retrying'

-- name: count_held_back
-- Events of other objects than the poison that have not been delivered, and all events of others.
select count(*) filter (where notifications.state <> 'delivered') as held_back, count(*) as others
from events
join notifications on notifications.id = events.notification_id
where events.instance_id = $1 and events.object_id <> 'poison'

-- name: count_to_send
-- Notifications that wait for nothing and have not been tried.
select count(*)
from notifications
where instance_id = $1 and state in ('pending', 'retrying') and waits_for is null and attempts = 0
