-- name: list_histories
-- How the polls of an instance's resources have been, packed.
select name, state, history
from resources
where instance_id = $1 and state <> 'stopped'
order by position, id
