-- name: lock_accounts
-- One first start at a time per database; released by the end of the transaction.
select pg_advisory_xact_lock($1)

-- name: any_user
-- Whether the first start is over.
select exists (select from users)

-- name: next_organization_id
-- The id has to be known before the secret is sealed, because it is part of the seal.
select nextval(pg_get_serial_sequence('organizations', 'id'))

-- name: next_user_id
-- The same for users.
select nextval(pg_get_serial_sequence('users', 'id'))

-- name: insert_organization
-- A new organization.
insert into organizations (id, name, secret_digest, secret) values ($1, $2, $3, $4)

-- name: insert_user
-- A new user; nothing if the name is taken.
insert into users (id, organization_id, username, password_hash, secret_digest, secret)
values ($1, $2, $3, $4, $5, $6)
on conflict (username) do nothing
returning id

-- name: find_organization
-- An organization by name.
select id, secret from organizations where name = $1

-- name: find_first_organization
-- The organization of the first start, which new users join unless another one is named.
select id, secret from organizations order by id limit 1

-- name: find_first_user
-- Whose the instances are that the configuration file declares.
select id, organization_id, username from users order by id limit 1

-- name: list_users
-- Everybody, with the organization they belong to.
select users.id, users.username, users.organization_id, organizations.name as organization, users.created_at
from users
join organizations on organizations.id = users.organization_id
order by users.id

-- name: find_by_secret
-- Whose user secret this is, by its digest.
select
    users.id, users.organization_id, users.username,
    users.secret_digest, organizations.secret_digest as organization_digest
from users
join organizations on organizations.id = users.organization_id
where users.secret_digest = $1

-- name: find_by_username
-- For signing in and for rotation.
select users.id, users.organization_id, users.username, users.password_hash
from users
where users.username = $1

-- name: get_secrets
-- The sealed secrets of a user and of the organization.
select users.secret as user_secret, organizations.id as organization_id, organizations.secret as organization_secret
from users
join organizations on organizations.id = users.organization_id
where users.id = $1

-- name: replace_user_secrets
-- New password and secret for a user; the old ones end with this statement.
update users set password_hash = $2, secret_digest = $3, secret = $4 where id = $1

-- name: list_key_ids
-- Every key that any stored secret names: bytes 2 to 9 of a sealed value.
select distinct substring(sealed from 2 for 8) as key_id
from (
    select secret from organizations
    union all select secret from users
    union all select secrets from instances
    union all select credentials from instances
    union all select token from instances
    union all select webhook_secret from instances
) as stored (sealed)
where length(sealed) > 9
