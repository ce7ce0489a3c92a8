-- name: claim
-- A key used for the first time, or one whose first use is forgotten ($4) or was cut off ($5).
insert into idempotency_keys (organization_id, key, request_digest)
values ($1, $2, $3)
on conflict (organization_id, key) do update
set request_digest = excluded.request_digest, status = null, answer = null, created_at = now()
where idempotency_keys.created_at < now() - make_interval(secs => $4)
    or (
        idempotency_keys.status is null
        and idempotency_keys.created_at < now() - make_interval(secs => $5)
    )
returning created_at

-- name: get
-- What a key was used for, and the answer if there is one.
select request_digest, status, answer from idempotency_keys where organization_id = $1 and key = $2

-- name: finish
-- The answer of the call that holds the claim, and of no other.
update idempotency_keys
set status = $4, answer = $5
where organization_id = $1 and key = $2 and created_at = $3 and status is null

-- name: release
-- A call that changed nothing may be made again.
delete from idempotency_keys
where organization_id = $1 and key = $2 and created_at = $3 and status is null

-- name: purge
-- Some of the keys that are forgotten.
delete from idempotency_keys
where (organization_id, key) in (
    select organization_id, key
    from idempotency_keys
    where created_at < now() - make_interval(secs => $1)
    order by created_at
    limit $2
)
