-- Lists over very many instances walk the events by time, whoever they belong to.

create index events_by_instant on events (created_at, event_id);
drop index events_by_age;
-- What ended without being delivered is rare among what was.
create index notifications_undelivered on notifications (created_at)
    where state in ('dead', 'cancelled', 'split');
-- An object is looked for in one resource, or in all of them: by its key and by its id.
drop index snapshots_by_key;
create index snapshots_by_key on snapshots (object_key, resource_id);
drop index events_by_object;
create index events_by_object on events (object_id, resource_id, sequence desc);
