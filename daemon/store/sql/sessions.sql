-- name: insert_session
-- A session that begins now; nothing if the user is gone.
insert into sessions (digest, user_id, password_digest, expires_at)
select $1, users.id, sha256(convert_to(users.password_hash, 'UTF8')), now() + make_interval(secs => $3)
from users
where users.id = $2
returning expires_at

-- name: find_session
-- Whose session it is, unless it is over: by its end, by idleness ($2 seconds) or by a new password.
select
    users.id, users.organization_id, users.username, organizations.name as organization,
    least(sessions.expires_at, sessions.used_at + make_interval(secs => $2)) as expires_at,
    now() - sessions.used_at as idle
from sessions
join users on users.id = sessions.user_id
join organizations on organizations.id = users.organization_id
where sessions.digest = $1
    and sessions.expires_at > now()
    and sessions.used_at > now() - make_interval(secs => $2)
    and sessions.password_digest = sha256(convert_to(users.password_hash, 'UTF8'))

-- name: touch_session
-- It is in use.
update sessions set used_at = now() where digest = $1

-- name: delete_session
-- Signed out.
delete from sessions where digest = $1

-- name: purge_sessions
-- Some of those that are over.
delete from sessions
where digest in (
    select digest
    from sessions
    where expires_at < now() or used_at < now() - make_interval(secs => $1)
    limit 1000
)

-- name: insert_link
-- A link that signs the first user in, once.
insert into sign_in_links (digest, user_id, expires_at)
select $1, users.id, now() + make_interval(secs => $2)
from users
order by users.id
limit 1
returning user_id

-- name: take_link
-- The link is used up, whether or not it was still good.
with taken as (
    delete from sign_in_links where digest = $1 or expires_at < now() returning digest, user_id, expires_at
)
select users.id, users.organization_id, users.username
from taken
join users on users.id = taken.user_id
where taken.digest = $1 and taken.expires_at > now()

-- name: insert_consent
-- A consent that this session asks a provider for.
insert into consents (state_digest, session_digest, element_key, expires_at)
values ($1, $2, $3, now() + make_interval(secs => $4))

-- name: take_consent
-- The state came back: it counts once, in the session that began it, for the element it was made for.
with taken as (
    delete from consents
    where state_digest = $1 and session_digest = $2
    returning element_key, expires_at
)
select exists (select from taken where element_key = $3 and expires_at > now())

-- name: purge_consents
-- Those that never came back.
delete from consents where expires_at < now()
