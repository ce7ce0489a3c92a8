-- name: list_deliveries
-- The notifications of an organization, the newest first: those in some states, at some callbacks.
with page as (
    select found.*
    from instances
    join endpoints on endpoints.instance_id = instances.id
    cross join lateral (
        select notifications.id
        from notifications
        where notifications.instance_id = instances.id
            and notifications.id < $3
            and notifications.state = any($4::text[])
            and ($5::text[] is null or notifications.event_id = any($5)
                or notifications.id::text = any($5))
        order by notifications.id desc
        limit $8
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint[] is null or instances.id = any($2))
        and ($6::text[] is null
            or instances.configuration ->> 'event.notification.callback.url' = any($6))
        and ($7::text is null or endpoints.state = $7)
    order by found.id desc
    limit $8
)
select
    notifications.id, notifications.instance_id, notifications.event_id, notifications.state,
    notifications.replay, notifications.events, notifications.attempts, notifications.due_at,
    notifications.created_at, notifications.finished_at, endpoints.state as endpoint_state,
    last_attempt.started_at as tried_at
from page
join notifications on notifications.id = page.id
join endpoints on endpoints.instance_id = notifications.instance_id
left join lateral (
    select started_at
    from attempts
    where attempts.notification_id = notifications.id
    order by id desc
    limit 1
) as last_attempt on true
order by notifications.id desc
