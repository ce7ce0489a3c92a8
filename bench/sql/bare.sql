-- name: create
-- The least that keeps every change until it is delivered.
create table progress (lane integer primary key, cursor text not null) with (fillfactor = 50);
create table states (
    lane integer not null,
    object_id text not null,
    hash bytea not null,
    primary key (lane, object_id)
);
create table outbox (
    id bigint generated always as identity primary key,
    lane integer not null,
    object_id text not null,
    payload text not null,
    created_at timestamptz not null default now(),
    delivered_at timestamptz
);
create index outbox_pending on outbox (id) where delivered_at is null;

-- name: begin_lane
-- A lane that has read nothing yet.
insert into progress (lane, cursor) values ($1, '') on conflict do nothing

-- name: store_states
-- The hashes of a page's records.
insert into states (lane, object_id, hash)
select $1, * from unnest($2::text[], $3::bytea[])
on conflict (lane, object_id) do update set hash = excluded.hash

-- name: append
-- The changes of a page.
insert into outbox (lane, object_id, payload)
select $1, * from unnest($2::text[], $3::text[])
returning id

-- name: store_cursor
-- How far a lane was read.
update progress set cursor = $2 where lane = $1

-- name: mark_delivered
-- The changes of a page have arrived.
update outbox set delivered_at = now() where id = any($1::bigint[])

-- name: count_pending
-- What has not arrived.
select count(*) from outbox where delivered_at is null
