-- name: server_version
-- Which PostgreSQL this is, such as 150018.
select current_setting('server_version_num')::integer

-- name: migrations_table_exists
-- Whether any migration was ever applied here.
select to_regclass('schema_migrations') is not null

-- name: schema_version
-- The newest migration applied.
select coalesce(max(number), 0) from schema_migrations

-- name: lock_migrations
-- One migrating process at a time; released by the end of the transaction.
select pg_advisory_xact_lock($1)

-- name: create_migrations_table
-- The memory of what was applied.
create table if not exists schema_migrations (
    number integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
)

-- name: is_applied
-- Whether this migration is in the schema already.
select exists (select from schema_migrations where number = $1)

-- name: record_migration
-- Remember a migration in the transaction that made it.
insert into schema_migrations (number, name) values ($1, $2)
