-- name: count_states
-- An organization's instances by state, and how many of them have something to be done about.
select
    count(*) filter (where instances.state = 'active') as active,
    count(*) filter (where instances.state = 'degraded') as degraded,
    count(*) filter (where instances.state = 'needs_reauth') as needs_reauth,
    count(*) filter (where instances.state = 'disabled') as disabled,
    count(*) filter (
        where instances.state in ('degraded', 'needs_reauth')
            or (instances.state <> 'disabled' and endpoints.state <> 'healthy')
    ) as in_trouble
from instances
join endpoints on endpoints.instance_id = instances.id
where instances.organization_id = $1 and instances.deleted_at is null

-- name: measure_backlog
-- What still has to be delivered, counted up to $2, and since when the oldest has been waiting.
select count(*) as pending, min(created_at) as oldest_at
from (
    select notifications.created_at
    from instances
    join notifications on notifications.instance_id = instances.id
    where instances.organization_id = $1
        and instances.deleted_at is null
        and notifications.state in ('pending', 'retrying')
    order by notifications.created_at
    limit $2
) as unfinished

-- name: list_instances
-- A page of instances, those with the worst trouble first ($2 text, $3 tags, $4 states, $5 trouble only, $9 that one).
select
    instances.id, instances.name, instances.tags, instances.element_key,
    instances.state, instances.state_reason, instances.state_since,
    instances.configuration ->> 'event.notification.callback.url' as callback_url,
    endpoints.state as endpoint_state, endpoints.last_error as endpoint_error,
    endpoints.failing_since, endpoints.disabled_reason, endpoints.next_probe_at, endpoints.last_success_at,
    (
        select count(*)
        from (
            select from notifications
            where notifications.instance_id = instances.id and notifications.state in ('pending', 'retrying')
            limit $8
        ) as unfinished
    ) as pending,
    (
        select notifications.created_at
        from notifications
        where notifications.instance_id = instances.id and notifications.state in ('pending', 'retrying')
        order by notifications.created_at
        limit 1
    ) as oldest_pending_at
from (
    select
        instances.id,
        case
            when instances.state = 'disabled' then 5
            when instances.state = 'needs_reauth' then 0
            when endpoints.state = 'disabled' then 1
            when instances.state = 'degraded' then 2
            when endpoints.state = 'failing' then 3
            else 4
        end as rank
    from instances
    join endpoints on endpoints.instance_id = instances.id
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($9::bigint is null or instances.id = $9)
        and instances.tags @> $3::text[]
        and instances.state = any($4::text[])
        and (
            $2::text = ''
            or position(lower($2) in lower(instances.name)) > 0
            or instances.id::text = $2
        )
) as ranked
join instances on instances.id = ranked.id
join endpoints on endpoints.instance_id = ranked.id
where not $5 or ranked.rank < 4
order by ranked.rank, ranked.id
limit $6 offset $7

-- name: list_resources
-- How the resources of some instances are doing, and their latest change.
select
    resources.instance_id, resources.name, resources.state, resources.last_error, resources.last_error_at,
    resources.failures, resources.cursor_at, resources.last_poll_at, resources.last_success_at,
    resources.next_poll_at, resources.lateness, latest.created_at as last_change_at
from resources
left join lateral (
    select events.created_at
    from events
    where events.resource_id = resources.id
    order by events.sequence desc
    limit 1
) as latest on true
where resources.instance_id = any($1::bigint[]) and resources.state <> 'stopped'
order by resources.instance_id, resources.position
