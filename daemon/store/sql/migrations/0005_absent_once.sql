-- What the last listing did not show counts for the brake: many at once are rather a fault of the listing.
drop index snapshots_absent;
create index snapshots_absent on snapshots (resource_id, object_id)
    where absent_sweeps >= 1 and not deleted;
