-- name: list_resources
-- The resources of an instance, those left out of the configuration too; with $2 that one alone.
select
    id, name, state, configuration, cursor_at, baseline_at, known_from, next_poll_at, last_poll_at,
    last_success_at, last_error, last_error_at, failures, last_poll, next_sequence, missed, lateness,
    work, probes, utc_proved_at, utc_skew_seconds
from resources
where instance_id = $1 and ($2::text is null or name = $2)
order by position, id

-- name: raise_versions
-- Whatever was read under the old configuration is not to be committed.
update resources set version = version + 1 where instance_id = $1

-- name: raise_version
-- The same for one resource.
update resources set version = version + 1 where id = $1

-- name: insert_resources
-- Resources named for the first time.
insert into resources (instance_id, name, position, configuration)
select $1, added.name, added.position, added.configuration
from unnest($2::text[], $3::integer[], $4::jsonb[]) as added (name, position, configuration)

-- name: stop_resources
-- Resources left out of the configuration keep their cursor for when they come back.
update resources
set state = 'stopped', next_poll_at = null
where instance_id = $1 and name = any($2::text[])

-- name: keep_resources
-- Resources that stay or come back; a changed configuration drops the resume point.
update resources
set position = kept.position,
    configuration = kept.configuration,
    resume = case when resources.configuration = kept.configuration then resume end,
    state = case
        when state <> 'stopped' then state
        when baseline_at is null then 'baseline_pending'
        else 'active'
    end
from unnest($2::text[], $3::integer[], $4::jsonb[]) as kept (name, position, configuration)
where resources.instance_id = $1 and resources.name = kept.name

-- name: any_is_due
-- Whether one of these resources is to be polled, and has not been since that was asked for.
select exists (
    select
    from resources
    join instances on instances.id = resources.instance_id
    where resources.instance_id = $1
        and resources.name = any($2::text[])
        and resources.next_poll_at is null
        and resources.state in ('baseline_pending', 'active', 'degraded')
        and instances.state in ('active', 'degraded')
        and instances.deleted_at is null
)
