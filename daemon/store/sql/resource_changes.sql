-- name: rewind
-- The cursor further back than it was; what is being read is dropped, and the next poll is due.
update resources
set cursor_at = $2, resume = null, next_poll_at = null
where id = $1 and cursor_at >= $2

-- name: get_cursor
-- How far a resource has been read.
select cursor_at from resources where id = $1

-- name: forget_contents
-- Objects changed since then count as unknown content: when they are read again they are told.
update snapshots
set content_hash = '', digests = null
where resource_id = $1 and stamp_at >= $2 and not deleted

-- name: sweeps
-- Whether the configuration asks for sweeps.
select coalesce(configuration #>> '{deletes,mode}' = 'sweep', false) from resources where id = $1

-- name: get_work
-- The slow passes, and the time they are reckoned by.
select work, now() as now from resources where id = $1

-- name: write_work
-- The slow passes as changed.
update resources set work = $2 where id = $1

-- name: poll_soon
-- The next poll is due at once.
update resources set next_poll_at = null where id = $1

-- name: pause
-- No more polls until somebody says so.
update resources
set state = 'paused', next_poll_at = null
where id = $1 and state in ('baseline_pending', 'active', 'degraded')

-- name: resume
-- Polls go on from where they stopped.
update resources
set state = case when baseline_at is null then 'baseline_pending' else 'active' end,
    next_poll_at = null,
    failures = 0,
    last_error = null,
    last_error_at = null
where id = $1 and state = 'paused'

-- name: begin_anew
-- Nothing was read yet; the sequence goes on.
update resources
set state = case when state in ('paused', 'stopped') then state else 'baseline_pending' end,
    cursor_at = null,
    baseline_at = null,
    known_from = null,
    ids_complete = false,
    utc_proved_at = null,
    utc_skew_seconds = null,
    resume = null,
    clock = null,
    work = $2,
    next_poll_at = null,
    failures = 0,
    last_error = null,
    last_error_at = null
where id = $1

-- name: write_marks
-- What the marks mean under another filter or date.
update resources
set cursor_at = $2,
    baseline_at = $3,
    known_from = $4,
    ids_complete = $5,
    utc_proved_at = $6,
    utc_skew_seconds = $7,
    clock = $8,
    resume = null
where id = $1

-- name: raise_revision_floor
-- Revisions go on above those of the snapshots that are to be dropped.
update resources
set revision_floor = greatest(
    revision_floor,
    (select max(revision) from snapshots where resource_id = $1)
)
where id = $1

-- name: drop_snapshots
-- What is known of the objects, silently.
delete from snapshots where resource_id = $1
