-- Backfills, reconciliation, sweeps for deletes; how late changes show up; probes of clocks.

alter table resources
    add column work jsonb not null default '{}',
    add column lateness jsonb not null default '{}',
    add column missed bigint not null default 0,
    add column probes jsonb not null default '{}';

-- In how many complete sweeps in a row an object was absent.
alter table snapshots add column absent_sweeps smallint not null default 0;
create index snapshots_absent on snapshots (resource_id, object_id)
    where absent_sweeps >= 2 and not deleted;

-- What the running sweep of a resource has seen. Losing it in a crash only means sweeping again.
create unlogged table sweep_sightings (
    resource_id bigint not null,
    object_id text not null,
    primary key (resource_id, object_id)
);
