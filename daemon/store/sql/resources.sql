-- name: list_targets
-- The resources to be polled of these instances: configured, not paused, instance not stopped.
select
    i.id, i.organization_id, i.user_id, i.element_key, i.name, i.tags, i.state, i.state_reason,
    i.state_since, i.configuration, i.created_at, i.updated_at,
    r.id as resource_id, r.name as resource_name, r.state as resource_state, r.version,
    r.configuration as polling
from resources as r
join instances as i on i.id = r.instance_id
where r.instance_id = any($1::bigint[])
    and r.state in ('baseline_pending', 'active', 'degraded')
    and i.state in ('active', 'degraded')
    and i.deleted_at is null
order by r.instance_id, r.position, r.id

-- name: load_progress
-- Everything a poller resumes from.
select
    state, version, cursor_at, baseline_at, known_from, ids_complete, utc_proved_at,
    utc_skew_seconds, resume, next_sequence, next_poll_at, last_poll_at, failures, work, lateness,
    probes, revision_floor, history, clock
from resources
where id = $1

-- name: write_progress
-- The marks after a page; the version and the sequence are compared, so that nobody else wrote. A
-- page ends a pending baseline; what polls make of the state later is written with their outcomes.
update resources
set cursor_at = $4, baseline_at = $5, known_from = $6, ids_complete = $7, utc_proved_at = $8,
    utc_skew_seconds = $9, resume = $10, next_sequence = $11, work = $13,
    clock = $14,
    state = case when state = 'baseline_pending' then $12 else state end
where id = $1 and version = $2 and next_sequence = $3

-- name: flush_polls
-- The outcomes of many polls at once; a changed configuration or a lost lease drops its row.
with fenced as (
    select leases.instance_id
    from leases
    join unnest($2::bigint[], $3::bigint[]) as held (instance_id, token)
        on held.instance_id = leases.instance_id and held.token = leases.token
    order by leases.instance_id
    for share of leases
), polled as (
    select *
    from unnest(
        $1::bigint[], $2::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
        $7::timestamptz[], $8::text[], $9::integer[], $10::jsonb[], $11::timestamptz[],
        $12::jsonb[], $13::bigint[], $14::jsonb[], $15::bytea[],
        $16::jsonb[]
    ) as p (
        resource_id, instance_id, version, next_poll_at, last_poll_at, last_success_at,
        last_error, failures, last_poll, cursor_at, lateness, missed, probes,
        history, clock
    )
)
update resources as r
set next_poll_at = p.next_poll_at,
    last_poll_at = p.last_poll_at,
    last_success_at = coalesce(p.last_success_at, r.last_success_at),
    last_error = p.last_error,
    last_error_at = case
        when p.last_error is null then null
        when p.last_error = r.last_error then r.last_error_at
        else p.last_poll_at
    end,
    failures = p.failures,
    last_poll = coalesce(p.last_poll, r.last_poll),
    cursor_at = greatest(r.cursor_at, p.cursor_at),
    lateness = coalesce(p.lateness, r.lateness),
    missed = r.missed + p.missed,
    probes = coalesce(p.probes, r.probes),
    history = coalesce(p.history, r.history),
    clock = coalesce(p.clock, r.clock),
    state = case
        when r.state = 'active' and p.failures > 0 then 'degraded'
        when r.state = 'degraded' and p.failures = 0 then 'active'
        else r.state
    end
from polled as p
where r.id = p.resource_id
    and r.version = p.version
    and p.instance_id in (select instance_id from fenced)

-- name: derive_instance_states
-- An instance is degraded while any of its polled resources is; other states are not touched.
with derived as (
    select
        i.id,
        min(r.last_error) filter (where r.state = 'degraded' or r.state = 'baseline_pending')
            as reason
    from instances as i
    join resources as r on r.instance_id = i.id
    where i.id = any($1::bigint[])
        and i.state in ('active', 'degraded')
        and r.state in ('baseline_pending', 'active', 'degraded')
    group by i.id
)
update instances
set state = case when derived.reason is null then 'active' else 'degraded' end,
    state_reason = derived.reason,
    state_since = now()
from derived
where instances.id = derived.id
    and (instances.state = 'degraded') is distinct from (derived.reason is not null)
