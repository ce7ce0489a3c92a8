-- name: create_callbacks
-- So many instances with a resource, a lease and an endpoint each.
with organization as (
    insert into organizations (name, secret_digest, secret) values ('bench', '', '') returning id
), owner as (
    insert into users (organization_id, username, password_hash, secret_digest, secret)
    select id, 'bench', '', '', '' from organization
    returning id, organization_id
), instance as (
    insert into instances (
        organization_id, user_id, element_key, name, configuration, token_digest, token,
        webhook_secret
    )
    select
        owner.organization_id, owner.id, 'maximizer', 'bench ' || number, '{}',
        convert_to(number::text, 'UTF8'), '', ''
    from owner, generate_series(1, $1::integer) as number
    returning id
), lease as (
    insert into leases (instance_id) select id from instance
), endpoint as (
    insert into endpoints (instance_id) select id from instance
)
insert into resources (instance_id, name, position, configuration)
select id, 'contacts', 1, '{}' from instance
returning instance_id, id as resource_id

-- name: insert_backlog
-- Pending notifications of one free object each for one instance, due one after the other.
with told as (
    insert into notifications (
        id, instance_id, resource_id, event_id, format, due_at, events, body, page_read_at
    )
    select
        id, $1, $2, lpad(id::text, 20, 'b'), 'openconnectors', now(), 1, $4::bytea, now()
    from (
        select nextval('notification_ids') as id from generate_series(1, $3::integer)
    ) as numbered
    returning id, event_id
)
insert into events (
    event_id, instance_id, resource_id, sequence, notification_id, object_id, object_key, type,
    revision, occurred_at
)
select event_id, $1, $2, id, id, id::text, id::text, 'UPDATED', 1, now()
from told

-- name: is_anything_unfinished
-- Whether any notification of these instances has not ended.
select exists (
    select from notifications
    where instance_id = any($1::bigint[]) and state in ('pending', 'retrying')
)

-- name: tidy
-- What autovacuum would do some time, at a moment that disturbs nobody.
vacuum analyze notifications, events, attempts
