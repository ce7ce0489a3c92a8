-- What objects that were dropped leave behind, and what a sweep looks at once in a while.

-- The revisions below this one belong to snapshots that were dropped: their event ids are used up.
alter table resources
    add column revision_floor bigint not null default 0 check (revision_floor >= 0);

-- Below zero an object is there, as was read by its id, although no listing shows it: it left the
-- filter. The number counts the sweeps since.
create index snapshots_unlisted on snapshots (resource_id, object_id)
    where absent_sweeps <= -4 and not deleted;
