-- name: beat
-- The heartbeat that keeps all leases of this daemon.
insert into daemons (owner, expires_at) values ($1, now() + make_interval(secs => $2))
on conflict (owner) do update set expires_at = excluded.expires_at

-- name: acquire
-- Take every lease whose holder is gone, or all of them when nobody else can be alive ($2): then the
-- dead one's renewals of tokens are over too.
with free as (
    select instance_id
    from leases
    where owner is distinct from $1
        and ($2 or not exists (
            select from daemons where daemons.owner = leases.owner and expires_at > now()
        ))
    order by instance_id
    for no key update
), taken as (
    update leases
    set owner = $1, token = token + 1
    from free
    where leases.instance_id = free.instance_id
    returning leases.instance_id
)
update instances
set credentials_locked_until = null
from taken
where instances.id = taken.instance_id and $2 and credentials_locked_until is not null

-- name: own
-- The leases this daemon holds, with the tokens they have now.
select instance_id, token from leases where owner = $1

-- name: release
-- Give everything back, so that another daemon need not wait for the expiry.
with gone as (delete from daemons where owner = $1)
update leases set owner = null where owner = $1

-- name: forget_dead
-- Heartbeats that stopped long ago.
delete from daemons where expires_at < now() - interval '1 day'

-- name: lock_shared
-- The fence: holds the lease row against changes and takeovers until the transaction ends.
select true from leases where instance_id = $1 and token = $2 for share

-- name: lock_change
-- A change by a person: waits for running commits, then fences those that began before it.
update leases set token = token + 1 where instance_id = $1 returning token

-- name: create
-- A new instance belongs to the daemon that made it.
insert into leases (instance_id, owner) values ($1, $2)

-- name: remove
-- A deleted instance is nobody's; waits for running commits.
delete from leases where instance_id = $1
