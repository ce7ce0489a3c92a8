-- Instances that the configuration file declares; until when the tokens of instances hold.

-- The credentials of the file that were applied last, as a digest, so that those which were renewed
-- since are not replaced by them again.
alter table instances add column declared_seed bytea;

alter table instances add column credentials_expires_at timestamptz;
