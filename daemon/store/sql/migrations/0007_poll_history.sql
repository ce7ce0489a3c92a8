-- How the polls of each resource have been, packed: written with their outcomes, many at once.

alter table resources add column history bytea;
-- It is packed already, and lies beside the row: what writes only the rest does not write it again.
alter table resources alter column history set storage external;
