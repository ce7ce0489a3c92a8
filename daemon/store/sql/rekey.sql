-- name: stale
-- Some of what is under another key than $1, in the order of ids after $2. The table, its sealed
-- column and what stands for an id are filled in: the same holds for each place.
select {id} as id, {column} as sealed
from {table}
where length({column}) > 9 and substring({column} from 2 for 8) <> $1
    and ({id}) collate "C" > $2
order by ({id}) collate "C"
limit $3

-- name: write
-- Sealed anew, unless it was replaced since it was read.
update {table}
set {column} = changed.sealed
from unnest($1::text[], $2::bytea[], $3::bytea[]) as changed (id, before, sealed)
where {id} = changed.id and {table}.{column} = changed.before
