-- How far the provider's clock went: without it nobody would know that it was set back.
alter table resources add column clock jsonb;
