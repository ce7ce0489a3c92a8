-- Lists of events by time and by what became of them; objects found by the key that people know.

create index events_by_time on events (instance_id, created_at, event_id);
create index notifications_dead on notifications (instance_id, created_at) where state = 'dead';
create index snapshots_by_key on snapshots (resource_id, object_key);

-- An event with what is told about it besides: where it belongs, and how its notification is doing.
create view told_events as
select
    events.event_id, events.instance_id, instances.element_key, events.resource_id,
    resources.name as object_type, events.sequence, events.object_key, events.type,
    events.revision, events.occurred_at, events.changed, events.backfill, events.created_at,
    events.notification_id, notifications.event_id as notification_event_id, notifications.state,
    notifications.replay, notifications.attempts, notifications.due_at, notifications.finished_at,
    notifications.page_read_at
from events
join instances on instances.id = events.instance_id
join resources on resources.id = events.resource_id
join notifications on notifications.id = events.notification_id;

-- A notification as a delivery to the callback of its instance.
create view told_deliveries as
select
    notifications.id, notifications.instance_id, notifications.event_id, notifications.parent_id,
    notifications.state, notifications.replay, notifications.events, notifications.attempts,
    notifications.due_at, notifications.created_at, notifications.finished_at,
    endpoints.state as endpoint_state,
    (
        select started_at
        from attempts
        where attempts.notification_id = notifications.id
        order by id desc
        limit 1
    ) as tried_at
from notifications
join endpoints on endpoints.instance_id = notifications.instance_id;
