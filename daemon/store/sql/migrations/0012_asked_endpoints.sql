-- An endpoint is given up only for time in which it was asked; each warning is given once, whatever
-- is restarted; people see since when it is as it is.

alter table endpoints
    add column counted_since timestamptz,
    add column warned smallint not null default 0 check (warned between 0 and 100),
    add column state_since timestamptz;
update endpoints set counted_since = failing_since, state_since = failing_since
where state = 'failing';
-- What became healthy or disabled before is of an unknown time.
alter table endpoints alter column state_since set default now();
