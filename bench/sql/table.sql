-- name: create_resource
-- One resource with everything it belongs to; its lease has token 1.
with organization as (
    insert into organizations (name, secret_digest, secret) values ('bench', 'o', 'o') returning id
), owner as (
    insert into users (organization_id, username, password_hash, secret_digest, secret)
    select id, 'bench', '', 'u', 'u' from organization
    returning id, organization_id
), instance as (
    insert into instances (
        organization_id, user_id, element_key, name, token_digest, token, webhook_secret
    )
    select organization_id, id, 'maximizer', 'bench', 't', 't', 't' from owner
    returning id
), lease as (
    insert into leases (instance_id) select id from instance
), endpoint as (
    insert into endpoints (instance_id) select id from instance
)
insert into resources (instance_id, name, position, configuration, state)
select id, 'contacts', 0, '{}', 'active' from instance
returning id, instance_id

-- name: fill
-- So many objects known, as a baseline leaves them.
insert into snapshots (
    resource_id, object_id, object_key, stamp_at, content_hash, digests, revision, projection
)
select
    $1, $2::text || lpad(number::text, 14, '0') || E'\t0', 'key ' || number, now(),
    decode(md5(number::text), 'hex'), decode(repeat(md5(number::text), 12), 'hex'), 0, 1
from generate_series($3::bigint, $4::bigint - 1) as number

-- name: tidy
-- What autovacuum would have done after that.
vacuum (analyze) snapshots

-- name: warm
-- Table and index are read whole, so that they lie in memory as far as that is large enough.
do $$
begin
    perform sum(length(content_hash)) from snapshots;
    set local enable_seqscan = off;
    perform count(object_id) from snapshots;
end
$$

-- name: size
-- Bytes of the table with its index.
select pg_total_relation_size('snapshots')

-- name: checkpoint
-- So that what was written before is not written during what follows.
checkpoint

-- name: settle
-- Everything told so far has arrived.
update notifications set state = 'delivered', finished_at = now() where state = 'pending'
