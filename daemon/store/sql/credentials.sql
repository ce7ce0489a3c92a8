-- name: load
-- The tokens of a living instance, their generation, and for how long a renewal under way holds them.
select
    credentials,
    credentials_generation,
    credentials_refresh_at,
    credentials_expires_at,
    greatest(0, extract(epoch from credentials_locked_until - now()))::float8 as locked_seconds
from instances
where id = $1 and deleted_at is null

-- name: lock
-- Take the renewal of one generation for some seconds, if nobody has it: at most one caller gets it.
update instances
set credentials_locked_until = now() + make_interval(secs => $3)
where id = $1
    and credentials_generation = $2
    and deleted_at is null
    and (credentials_locked_until is null or credentials_locked_until <= now())
returning credentials_locked_until

-- name: unlock
-- Give the renewal back without new tokens, if it is still the one that was taken.
update instances
set credentials_locked_until = null
where id = $1 and credentials_locked_until = $2

-- name: store
-- The renewed tokens, unless somebody stored newer ones in between; they prove the consent to be good.
update instances
set credentials = $3,
    credentials_generation = credentials_generation + 1,
    credentials_refresh_at = $4,
    credentials_expires_at = $5,
    credentials_locked_until = null,
    state = case when state = 'needs_reauth' then 'active' else state end,
    state_reason = case when state = 'needs_reauth' then null else state_reason end,
    state_since = case when state = 'needs_reauth' then now() else state_since end
where id = $1 and credentials_generation = $2 and deleted_at is null
returning credentials_generation

-- name: refuse
-- The provider refused what is stored: polling stops until a person gives new consent.
update instances
set credentials_locked_until = null,
    state = 'needs_reauth',
    state_reason = $3,
    state_since = now()
where id = $1
    and credentials_generation = $2
    and deleted_at is null
    and state in ('active', 'degraded')
