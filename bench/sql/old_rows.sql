-- name: insert_old
-- Notifications delivered long ago, each with its event and its attempt, shared out among the resources.
with numbered as (
    select
        number,
        (array(select id from resources order by id))[1 + number % $3::bigint] as resource_id
    from generate_series($1::bigint + 1, $1::bigint + $2::bigint) as number
), told as (
    insert into notifications (
        id, instance_id, resource_id, event_id, format, state, due_at, attempts, events, body,
        page_read_at, created_at, finished_at
    )
    select
        number, resources.instance_id, numbered.resource_id, lpad(number::text, 20, 'o'),
        'openconnectors', 'delivered', now() - interval '40 days', 1, 1,
        convert_to(repeat(md5(number::text), $4::integer / 32), 'UTF8'),
        now() - interval '40 days', now() - interval '40 days', now() - interval '40 days'
    from numbered
    join resources on resources.id = numbered.resource_id
    returning id, instance_id, resource_id
), happened as (
    insert into events (
        event_id, instance_id, resource_id, sequence, notification_id, object_id, object_key, type,
        revision, occurred_at, created_at
    )
    select
        lpad(id::text, 20, 'o'), instance_id, resource_id, id, id, id::text, id::text, 'UPDATED',
        1, now() - interval '40 days', now() - interval '40 days'
    from told
)
insert into attempts (notification_id, number, started_at, duration_seconds, outcome, status, spent)
select id, 1, now() - interval '40 days', 0.01, 'delivered', 200, true
from told

-- name: analyze
-- What autovacuum would have done long ago.
analyze

-- name: count_old
-- How many of them are left.
select count(*) from notifications where finished_at < now() - interval '35 days'
