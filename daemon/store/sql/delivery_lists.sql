-- name: list_undelivered
-- What is on its way or was given up, the newest first; which states depends on the endpoint's.
with page as (
    select found.*
    from instances
    join endpoints on endpoints.instance_id = instances.id
    cross join lateral (
        select case when endpoints.state = 'disabled' then $4::text[] else $3::text[] end as states
    ) as wanted
    cross join lateral (
        (
            select id, created_at
            from notifications
            where notifications.instance_id = instances.id
                and notifications.state in ('pending', 'retrying')
                and notifications.state = any(wanted.states)
                and notifications.created_at <= $6
                and (notifications.created_at, notifications.id) < ($6, $7)
            order by notifications.created_at desc, notifications.id desc
            limit $8
        )
        union all
        (
            select id, created_at
            from notifications
            where notifications.instance_id = instances.id
                and notifications.state = 'dead'
                and 'dead' = any(wanted.states)
                and notifications.created_at <= $6
                and (notifications.created_at, notifications.id) < ($6, $7)
            order by notifications.created_at desc, notifications.id desc
            limit $8
        )
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint[] is null or instances.id = any($2))
        and ($5::text[] is null
            or instances.configuration ->> 'event.notification.callback.url' = any($5))
    order by found.created_at desc, found.id desc
    limit $8
)
select told_deliveries.*
from page
join told_deliveries on told_deliveries.id = page.id
order by told_deliveries.created_at desc, told_deliveries.id desc

-- name: list_deliveries
-- The same with what was delivered or split, by number.
with page as (
    select found.*
    from instances
    join endpoints on endpoints.instance_id = instances.id
    cross join lateral (
        select id
        from notifications
        where notifications.instance_id = instances.id
            and notifications.id < $7
            and notifications.created_at <= $6
            and notifications.state = any(
                case when endpoints.state = 'disabled' then $4::text[] else $3::text[] end
            )
        order by notifications.id desc
        limit $8
    ) as found
    where instances.organization_id = $1
        and instances.deleted_at is null
        and ($2::bigint[] is null or instances.id = any($2))
        and ($5::text[] is null
            or instances.configuration ->> 'event.notification.callback.url' = any($5))
    order by found.id desc
    limit $8
)
select told_deliveries.*
from page
join told_deliveries on told_deliveries.id = page.id
order by told_deliveries.id desc

-- name: list_of_notification
-- One notification and what it was split into.
select *
from told_deliveries
where id = $1 or parent_id = $1
order by id

-- name: matching_endpoints
-- The callbacks that a resending is about.
select instances.id
from instances
where instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint[] is null or instances.id = any($2))
    and ($3::text[] is null
        or instances.configuration ->> 'event.notification.callback.url' = any($3))
    and instances.configuration ? 'event.notification.callback.url'
order by instances.id
