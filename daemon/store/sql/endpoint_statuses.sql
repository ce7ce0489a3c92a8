-- name: load_statuses
-- How the endpoints of these instances are doing.
select *
from endpoints
where instance_id = any($1::bigint[])

-- name: store_statuses
-- How endpoints are doing after the attempts settled in the same transaction.
update endpoints
set state = s.state,
    state_since = case when endpoints.state = s.state then endpoints.state_since else now() end,
    failures = s.failures,
    failing_since = s.failing_since,
    counted_since = s.counted_since,
    next_probe_at = s.next_probe_at,
    last_error = s.last_error,
    last_success_at = s.last_success_at,
    disabled_reason = s.disabled_reason,
    warned = s.warned
from unnest(
    $1::bigint[], $2::text[], $3::integer[], $4::timestamptz[], $5::timestamptz[],
    $6::timestamptz[], $7::text[], $8::timestamptz[], $9::text[], $10::smallint[]
) as s (
    instance_id, state, failures, failing_since, counted_since, next_probe_at, last_error,
    last_success_at, disabled_reason, warned
)
where endpoints.instance_id = s.instance_id
