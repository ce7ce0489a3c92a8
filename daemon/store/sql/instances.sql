-- name: next_id
-- The id has to be known before secrets are sealed, because it is part of their seal.
select nextval(pg_get_serial_sequence('instances', 'id'))

-- name: insert_instance
-- A new instance with everything its owner gave, and the tokens the provider gave.
insert into instances (
    id, organization_id, user_id, element_key, name, tags, configuration, secrets,
    token_digest, token, webhook_secret, credentials, credentials_generation, credentials_refresh_at,
    credentials_expires_at
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: insert_endpoint
-- The state of its callback address.
insert into endpoints (instance_id) values ($1)

-- name: get
-- One living instance of an organization, with the user who made it.
select
    instances.id, instances.organization_id, instances.user_id, instances.element_key, instances.name,
    instances.tags, instances.state, instances.state_reason, instances.state_since,
    instances.configuration, instances.secrets, instances.token,
    instances.credentials_generation, instances.credentials_refresh_at, instances.credentials_expires_at,
    instances.created_at, instances.updated_at, instances.declared_name,
    users.email_address, users.first_name, users.last_name
from instances
join users on users.id = instances.user_id
where instances.id = $1 and instances.organization_id = $2 and instances.deleted_at is null

-- name: find_by_token
-- Which living instance an Element token means.
select id, token_digest
from instances
where token_digest = $1 and organization_id = $2 and deleted_at is null

-- name: list_page
-- A page of an organization's instances that have all the tags and whose name holds the text.
select
    instances.id, instances.organization_id, instances.user_id, instances.element_key, instances.name,
    instances.tags, instances.state, instances.state_reason, instances.state_since,
    instances.configuration, instances.secrets, instances.token,
    instances.credentials_generation, instances.credentials_refresh_at, instances.credentials_expires_at,
    instances.created_at, instances.updated_at, instances.declared_name,
    users.email_address, users.first_name, users.last_name
from instances
join users on users.id = instances.user_id
where instances.organization_id = $1
    and instances.deleted_at is null
    and instances.tags @> $2::text[]
    and ($3::text = '' or position(lower($3) in lower(instances.name)) > 0)
order by instances.id
limit $4 offset $5

-- name: count_matching
-- How many instances the same conditions find altogether.
select count(*)
from instances
where organization_id = $1
    and deleted_at is null
    and tags @> $2::text[]
    and ($3::text = '' or position(lower($3) in lower(name)) > 0)

-- name: lock
-- The row of a living instance, held against other changes by people until the transaction ends.
select id
from instances
where id = $1 and organization_id = $2 and deleted_at is null
for no key update

-- name: exists
-- Whether there is such an instance, before its lease row is touched.
select exists (
    select from instances where id = $1 and organization_id = $2 and deleted_at is null
)

-- name: is_called_elsewhere
-- Whether this configuration has its owner's callback at another address than until now.
select
    configuration ->> 'event.notification.callback.url'
    is distinct from $2::jsonb ->> 'event.notification.callback.url'
from instances
where id = $1

-- name: update_instance
-- What its owner may change.
update instances
set name = $2, tags = $3, configuration = $4, secrets = $5, updated_at = now()
where id = $1

-- name: replace_credentials
-- New consent by a person brings other tokens.
update instances
set credentials = $2, credentials_refresh_at = $3, credentials_expires_at = $4
where id = $1

-- name: reauthorize
-- A new generation, so that a refusal of the old one that is still under way means nothing.
update instances
set credentials_generation = credentials_generation + 1,
    credentials_locked_until = null,
    state_reason = case when state = 'needs_reauth' then null else state_reason end,
    state_since = case when state = 'needs_reauth' then now() else state_since end,
    state = case when state = 'needs_reauth' then 'active' else state end
where id = $1

-- name: disable
-- Switched off by a person.
update instances
set state = 'disabled', state_reason = null, state_since = now(), updated_at = now()
where id = $1 and state <> 'disabled'

-- name: enable
-- Switched on again; whether it works is found out by the next poll.
update instances
set state = 'active', state_reason = null, state_since = now(), updated_at = now()
where id = $1 and state = 'disabled'

-- name: set_state
-- Along the allowed transitions only ($4 are the states it may come from); the reason may change alone.
update instances
set state = $2,
    state_reason = $3,
    state_since = case when state = $2 then state_since else now() end
where id = $1
    and deleted_at is null
    and (state = any($4::text[]) or (state = $2 and state_reason is distinct from $3))
returning id

-- name: mark_deleted
-- The end of an instance as far as anybody can see; its secrets go at once.
update instances
set deleted_at = now(), updated_at = now(), state = 'disabled', state_reason = 'deleted',
    secrets = null, credentials = null, credentials_refresh_at = null, credentials_expires_at = null,
    credentials_locked_until = null, token = '', webhook_secret = ''
where id = $1

-- name: count_by_state
-- The living instances by state.
select state, count(*) as instances from instances where deleted_at is null group by state

-- name: count_polls
-- Polls that are due, and those that have been for more than $1 seconds.
select
    count(*) as due,
    count(*) filter (where resources.next_poll_at < now() - make_interval(secs => $1)) as late
from resources
join instances on instances.id = resources.instance_id
where instances.deleted_at is null
    and instances.state in ('active', 'degraded')
    and resources.state in ('baseline_pending', 'active', 'degraded')
    and resources.next_poll_at <= now()

-- name: oldest_unfinished
-- Since when the oldest notification of a living, enabled instance has been waiting.
select min(oldest.created_at)
from instances
cross join lateral (
    select created_at
    from notifications
    where notifications.instance_id = instances.id and notifications.state in ('pending', 'retrying')
    order by created_at
    limit 1
) as oldest
where instances.deleted_at is null and instances.state <> 'disabled'

-- name: get_configuration
-- All of the configuration, secrets sealed.
select configuration, secrets from instances where id = $1 and deleted_at is null

-- name: get_endpoint
-- What sending needs, the account's failure policy included.
select
    instances.state, instances.configuration, instances.secrets, instances.webhook_secret,
    coalesce(organizations.settings ->> 'notification.webhook.failure.policy', 'retry') = 'queue'
        as queues_failures
from instances
join organizations on organizations.id = instances.organization_id
where instances.id = $1 and instances.deleted_at is null

-- name: cancel_notifications
-- Some of what deleted instances would still have sent.
with doomed as (
    select notifications.id
    from instances
    cross join lateral (
        select id
        from notifications
        where notifications.instance_id = instances.id and notifications.state in ('pending', 'retrying')
        order by notifications.created_at
        limit $1
    ) as notifications
    where instances.deleted_at is not null
    limit $1
)
update notifications
set state = 'cancelled', finished_at = now(), waits_for = null
from doomed
where notifications.id = doomed.id

-- name: delete_snapshots
-- Some of what was known about the objects of deleted instances.
delete from snapshots
using (
    select snapshots.resource_id, snapshots.object_id
    from instances
    join resources on resources.instance_id = instances.id
    join snapshots on snapshots.resource_id = resources.id
    where instances.deleted_at is not null
    limit $1
) as doomed
where snapshots.resource_id = doomed.resource_id and snapshots.object_id = doomed.object_id

-- name: delete_instances
-- Deleted instances that left nothing behind: their notifications are gone with the retention.
delete from instances
where id in (
    select id
    from instances
    where deleted_at is not null
        and not exists (select from notifications where notifications.instance_id = instances.id)
        and not exists (
            select from resources
            join snapshots on snapshots.resource_id = resources.id
            where resources.instance_id = instances.id
        )
    limit $1
)
