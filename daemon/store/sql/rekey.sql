-- name: stale_organizations
-- Some of what is under another key than $1, in the order of ids after $2; the same for each place.
select id::text as id, secret as sealed
from organizations
where length(secret) > 9 and substring(secret from 2 for 8) <> $1 and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_organizations
-- Sealed anew, unless it was replaced since it was read; the same for each place.
update organizations
set secret = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where organizations.id = changed.id::bigint and organizations.secret = changed.before

-- name: stale_users
-- The secrets of users.
select id::text as id, secret as sealed
from users
where length(secret) > 9 and substring(secret from 2 for 8) <> $1 and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_users
-- The secrets of users.
update users
set secret = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where users.id = changed.id::bigint and users.secret = changed.before

-- name: stale_secrets
-- What is secret in the configuration of instances.
select id::text as id, secrets as sealed
from instances
where length(secrets) > 9 and substring(secrets from 2 for 8) <> $1 and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_secrets
-- What is secret in the configuration of instances.
update instances
set secrets = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where instances.id = changed.id::bigint and instances.secrets = changed.before

-- name: stale_credentials
-- The tokens that providers gave.
select id::text as id, credentials as sealed
from instances
where length(credentials) > 9 and substring(credentials from 2 for 8) <> $1 and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_credentials
-- The tokens that providers gave: of the same generation as before.
update instances
set credentials = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where instances.id = changed.id::bigint and instances.credentials = changed.before

-- name: stale_tokens
-- The tokens of instances.
select id::text as id, token as sealed
from instances
where length(token) > 9 and substring(token from 2 for 8) <> $1 and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_tokens
-- The tokens of instances.
update instances
set token = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where instances.id = changed.id::bigint and instances.token = changed.before

-- name: stale_webhook_secrets
-- The webhook secrets of instances.
select id::text as id, webhook_secret as sealed
from instances
where length(webhook_secret) > 9 and substring(webhook_secret from 2 for 8) <> $1
    and id::text collate "C" > $2
order by id::text collate "C"
limit $3

-- name: write_webhook_secrets
-- The webhook secrets of instances.
update instances
set webhook_secret = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where instances.id = changed.id::bigint and instances.webhook_secret = changed.before

-- name: stale_answers
-- The answers that are repeated under their idempotency keys.
select organization_id || ':' || key as id, answer as sealed
from idempotency_keys
where length(answer) > 9 and substring(answer from 2 for 8) <> $1
    and (organization_id || ':' || key) collate "C" > $2
order by (organization_id || ':' || key) collate "C"
limit $3

-- name: write_answers
-- The answers that are repeated under their idempotency keys.
update idempotency_keys
set answer = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where organization_id || ':' || key = changed.id and idempotency_keys.answer = changed.before
