-- name: list_endpoints
-- The callbacks of an organization's living instances.
select
    endpoints.*, instances.element_key, instances.name, instances.state as instance_state,
    instances.configuration ->> 'event.notification.callback.url' as url,
    coalesce((instances.configuration -> 'event.notification.enabled')::boolean, false) as enabled,
    instances.created_at, instances.updated_at
from instances
join endpoints on endpoints.instance_id = instances.id
where instances.organization_id = $1
    and instances.deleted_at is null
    and ($2::bigint is null or instances.id = $2)
    and instances.configuration ? 'event.notification.callback.url'
order by instances.id

-- name: measure_backlog
-- What waits at the callback of an instance, and what was given up there.
select
    (
        select count(*) from notifications
        where instance_id = $1 and state in ('pending', 'retrying')
    ) as waiting,
    (
        select count(*) from notifications where instance_id = $1 and state = 'dead'
    ) as dead

-- name: count_by_state
-- The callbacks of the instances that are to tell what changes, by state, over all organizations.
select endpoints.state, count(*) as endpoints
from endpoints
join instances on instances.id = endpoints.instance_id
where instances.deleted_at is null
    and instances.state <> 'disabled'
    and (instances.configuration -> 'event.notification.enabled')::boolean
group by endpoints.state

-- name: enable
-- Trusted again on a person's word; whether it works is found out by the next attempt.
update endpoints
set state = 'healthy',
    state_since = case when state = 'healthy' then state_since else now() end,
    failures = 0,
    failing_since = null,
    counted_since = null,
    next_probe_at = null,
    last_error = null,
    disabled_reason = null,
    warned = 0
where instance_id = $1

-- name: bring_forward
-- What failed or waits for its retry is due again with fresh attempts, in the order it was made.
update notifications
set attempts = 0, due_at = least(page_read_at, now())
where instance_id = $1 and state = 'retrying'

-- name: get_secrets
-- The webhook secrets, sealed.
select webhook_secret from instances where id = $1

-- name: set_secrets
-- Other webhook secrets.
update instances set webhook_secret = $2, updated_at = now() where id = $1

-- name: get_settings
-- An organization's settings.
select settings from organizations where id = $1

-- name: merge_settings
-- Some of an organization's settings, the others kept.
update organizations set settings = settings || $2 where id = $1 returning settings

-- name: list_instance_ids
-- The living instances of an organization.
select id from instances where organization_id = $1 and deleted_at is null order by id
