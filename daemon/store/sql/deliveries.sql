-- name: take_due
-- The next notifications of some lanes in sending order; one not yet due comes without its body. What
-- was made by a clock that was ahead, and set right since, is due at once.
select
    due.id, due.instance_id, due.event_id, due.format, moment.due_at, due.attempts, due.replay,
    due.page_read_at, due.events, case when moment.due_at <= $2 then due.body end as body
from unnest($1::bigint[]) as lane (instance_id)
cross join lateral (
    select *
    from notifications
    where notifications.instance_id = lane.instance_id
        and notifications.waits_for is null
        and notifications.state in ('pending', 'retrying')
        and notifications.id <> all($3::bigint[])
    order by notifications.due_at, notifications.id
    limit $4
) as due
cross join lateral (
    select case when due.state = 'pending' and due.page_read_at > $2 then $2 else due.due_at end
) as moment (due_at)
order by due.due_at, due.id

-- name: next_due
-- When each of these lanes has something to send; lanes with nothing are left out.
select lane.instance_id, due.due_at
from unnest($1::bigint[]) as lane (instance_id)
cross join lateral (
    select
        case
            when notifications.state = 'pending' and notifications.page_read_at > now() then now()
            else notifications.due_at
        end as due_at
    from notifications
    where notifications.instance_id = lane.instance_id
        and notifications.waits_for is null
        and notifications.state in ('pending', 'retrying')
    order by notifications.due_at, notifications.id
    limit 1
) as due

-- name: settle
-- What attempts brought about: their notifications' states, and the attempts themselves, as far as
-- the leases under which they were made still hold. These are locked first, in ascending order.
-- Successors and refunds are locked along, so that all locks are taken in ascending order. An attempt
-- that was refunded while the next was under way stays so. What is there already, because word of an
-- earlier commit was lost, is left out.
with held as (
    select leases.instance_id
    from leases
    join unnest($4::bigint[], $5::bigint[]) as lease (instance_id, token)
        on lease.instance_id = leases.instance_id and lease.token = leases.token
    order by leases.instance_id
    for share of leases
), outcome as (
    select o.*
    from jsonb_to_recordset($1::jsonb) as o (
        instance_id bigint, notification_id bigint, state text, attempts integer,
        due_at timestamptz, number integer, started_at timestamptz,
        duration_seconds double precision, outcome text, status integer, spent boolean, answer text
    )
    where o.instance_id = any(array(select held.instance_id from held))
), locked as (
    select id
    from notifications
    where id in (
            select unnest($2::bigint[])
            union all
            select id from notifications where waits_for = any($3::bigint[])
        )
        and state in ('pending', 'retrying')
        and (select count(*) from held) > 0 -- which locks all leases before anything here
    order by id
    for no key update
), settled as (
    update notifications
    set state = outcome.state,
        attempts = greatest(0, least(
            outcome.attempts, notifications.attempts + outcome.attempts - outcome.number + 1
        )),
        due_at = outcome.due_at,
        finished_at = case
            when outcome.state in ('pending', 'retrying') then null
            else outcome.started_at + make_interval(secs => outcome.duration_seconds)
        end
    from outcome
    join locked on locked.id = outcome.notification_id
    where notifications.id = outcome.notification_id
        and not exists (
            select from attempts
            where attempts.notification_id = outcome.notification_id
                and attempts.number = outcome.number
                and attempts.started_at = outcome.started_at
        )
    returning notifications.id
), history as (
    insert into attempts (
        notification_id, number, started_at, duration_seconds, outcome, status, spent, answer
    )
    select
        outcome.notification_id, outcome.number, outcome.started_at, outcome.duration_seconds,
        outcome.outcome, outcome.status, outcome.spent, outcome.answer
    from outcome
    join settled on settled.id = outcome.notification_id
    order by outcome.started_at
)
select
    array(select held.instance_id from held) as held, array(select settled.id from settled) as settled

-- name: refund
-- Attempts that were the endpoint's trouble after all: not spent, and due again at once.
with refunded as (
    update notifications
    set attempts = attempts - 1, due_at = least(page_read_at, now())
    where id = any($1::bigint[]) and state = 'retrying' and attempts > 0
    returning id, attempts
)
update attempts
set spent = false
from refunded
where attempts.notification_id = refunded.id
    and attempts.number = refunded.attempts + 1
    and attempts.spent

-- name: free_successors
-- What waited for notifications that are final now; a large body is left to the next refill.
with freed as (
    select id
    from notifications
    where waits_for = any($1::bigint[]) and state in ('pending', 'retrying')
    order by id
    for no key update
)
update notifications
set waits_for = null,
    due_at = case when state = 'pending' and page_read_at > now() then now() else due_at end
from freed
where notifications.id = freed.id
returning
    notifications.id, notifications.instance_id, notifications.event_id, notifications.format,
    notifications.due_at, notifications.attempts, notifications.replay,
    notifications.page_read_at, notifications.events,
    case when octet_length(notifications.body) <= $2 then notifications.body end as body
