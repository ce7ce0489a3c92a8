-- name: announce
-- Say something to everybody who listens now.
select pg_notify($1, $2)

-- name: check
-- Whether the session is alive: a connection that was cut off says nothing by itself.
select 1
