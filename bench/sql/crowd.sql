-- name: add_instances
-- So many instances like the first one: most work, some fail, are disabled, or have a callback in trouble.
-- Nothing is due within a year, so that all of it keeps still.
with template as (
    select instances.*, array['Harbour', 'Northern', 'Willow', 'Granite', 'Maple', 'Atlas', 'Juniper'] as words
    from instances
    order by id
    limit 1
), made as (
    insert into instances (
        organization_id, user_id, element_key, name, tags, state, state_reason, state_since,
        configuration, token_digest, token, webhook_secret
    )
    select
        organization_id, user_id, element_key,
        words[1 + number % 7] || ' ' || words[1 + number / 7 % 7] || ' ' || number,
        array['region-' || number % 20, case when number % 3 = 0 then 'production' else 'trial' end],
        case
            when number % 100 = 0 then 'needs_reauth'
            when number % 100 in (1, 2) then 'degraded'
            when number % 100 in (3, 4, 5) then 'disabled'
            else 'active'
        end,
        case when number % 100 = 0 then 'The provider refuses the refresh token (invalid_grant).' end,
        now() - make_interval(hours => number % 700),
        configuration, convert_to('digest ' || number, 'UTF8'), token, webhook_secret
    from template, generate_series(1, $1::integer) as number
    returning id, state
), leased as (
    insert into leases (instance_id) select id from made
), called as (
    insert into endpoints (
        instance_id, state, failures, failing_since, next_probe_at, last_error, last_success_at
    )
    select
        id, case when id % 200 = 50 then 'failing' else 'healthy' end,
        case when id % 200 = 50 then 7 else 0 end,
        case when id % 200 = 50 then now() - interval '1 day' end,
        case when id % 200 = 50 then now() + interval '1 year' end,
        case when id % 200 = 50 then 'The receiver answered 503 Service Unavailable.' end,
        now() - make_interval(hours => 24, mins => (id % 60)::integer)
    from made
)
insert into resources (
    instance_id, name, position, configuration, state, cursor_at, baseline_at, next_poll_at,
    last_poll_at, last_success_at, last_error, last_error_at, failures, history
)
select
    made.id, kinds.name, kinds.position, resources.configuration,
    case when made.state = 'degraded' then 'degraded' else 'active' end,
    now(), now(), now() + interval '1 year', now(), now(),
    case when made.state = 'degraded' then 'The provider answered 500 Internal Server Error.' end,
    case when made.state = 'degraded' then now() - interval '1 hour' end,
    case when made.state = 'degraded' then 4 else 0 end,
    $2::bytea
from (select id, state from made union all select id, state from template) as made
cross join unnest(array['contacts', 'companies', 'opportunities']) with ordinality as kinds (name, position)
cross join template
join resources on resources.instance_id = template.id
on conflict (instance_id, name) do update set history = excluded.history, next_poll_at = excluded.next_poll_at

-- name: add_events
-- Events $1 to $2 of $3, which fill a week evenly; each with its notification, attempt and snapshot. Every
-- 50th belongs to the first instance. What goes to a callback in trouble has been waiting since yesterday.
with picked as (
    select
        number,
        case
            when number % 50 = 0 then 1 + number / 50 % 3
            else 4 + floor(power(hashint8(number)::double precision / 4294967296 + 0.5, 2) * ((select count(*) from resources) - 3))::integer
        end as place,
        now() - interval '7 days' * (($3 - number)::double precision / $3) as at
    from generate_series($1::bigint, $2::bigint) as number
), placed as (
    select
        number, at, (array(select id from resources order by id))[place] as resource_id,
        'object-' || number % 40 as object_id, 'K' || lpad((number % 100003)::text, 12, '0') as object_key
    from picked
), judged as (
    select
        placed.*, resources.instance_id, instances.element_key,
        case
            when endpoints.state = 'failing' and placed.at > now() - interval '1 day' then 'retrying'
            when placed.number % 503 = 0 then 'dead'
            when placed.number % 997 = 0 then 'cancelled'
            else 'delivered'
        end as state,
        (array['UPDATED', 'CREATED', 'UPDATED', 'UPDATED'])[1 + placed.number % 4] as type
    from placed
    join resources on resources.id = placed.resource_id
    join instances on instances.id = resources.instance_id
    join endpoints on endpoints.instance_id = resources.instance_id
), told as (
    insert into notifications (
        id, instance_id, resource_id, event_id, format, state, due_at, attempts, events, body,
        page_read_at, created_at, finished_at
    )
    select
        number, instance_id, resource_id, lpad(number::text, 20, 'e'), 'openconnectors', state,
        case when state = 'retrying' then now() + interval '1 year' else at end, 1, 1,
        convert_to(json_build_object('message', json_build_object(
            'elementKey', element_key, 'events', json_build_array(json_build_object(
                'objectId', object_key, 'objectType', 'contacts', 'eventType', type)),
            'raw', json_build_object('Key', object_key, 'AddressLine2', repeat(md5(number::text), 24))
        ))::text, 'UTF8'),
        at - interval '200 ms', at,
        case when state <> 'retrying' then at + make_interval(secs => 0.1 + number % 97 / 100.0) end
    from judged
), tried as (
    insert into attempts (notification_id, number, started_at, duration_seconds, outcome, status, spent)
    select
        number, 1, at, 0.08, case when state = 'delivered' then 'delivered' else 'server_error' end,
        case when state = 'delivered' then 200 else 503 end, true
    from judged
), seen as (
    insert into snapshots (
        resource_id, object_id, object_key, stamp_at, content_hash, digests, revision, projection
    )
    select resource_id, object_id, object_key, at, decode(md5(number::text), 'hex'),
        decode(repeat(md5(number::text), 12), 'hex'), 1, 1
    from judged
    on conflict do nothing
)
insert into events (
    event_id, instance_id, resource_id, sequence, notification_id, object_id, object_key, type,
    revision, occurred_at, changed, created_at
)
select
    lpad(number::text, 20, 'e'), instance_id, resource_id, number, number, object_id, object_key,
    case when number % 61 = 0 then 'DELETED' else type end, 1, at - interval '5 s',
    array['Position', 'Phone1'], at
from judged

-- name: list_failing
-- Instances whose callback is in trouble.
select instance_id from endpoints where state = 'failing'

-- name: set_secret
-- The webhook secret of one instance.
update instances set webhook_secret = $2 where id = $1

-- name: tidy
-- What autovacuum would have done by then.
vacuum (analyze)

-- name: number_on
-- The numbers that were used.
update resources set next_sequence = $1 + 1

-- name: find_samples
-- An event of the first instance that was told some time ago.
select event_id, object_key, created_at as told_at
from events
where instance_id = (select min(id) from instances)
order by created_at
offset (select count(*) / 2 from events where instance_id = (select min(id) from instances))
limit 1
