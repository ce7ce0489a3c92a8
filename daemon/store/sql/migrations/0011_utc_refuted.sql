-- When a stamp was last seen not to be UTC: others that are would prove it too soon.
alter table resources add column utc_refuted_at timestamptz;
