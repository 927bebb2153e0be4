-- Every event of an organization goes through the one outbox: custom events that were emitted,
-- lifecycle events of the platform, and events of other applications. Only custom events have a
-- registration, a namespace and a version; of the others these are empty, and name is the whole
-- event type.
alter table emit add column kind text not null default 'custom' check (kind in ('custom', 'lifecycle', 'ingested'));
-- What an event that is not custom is about.
alter table emit add column entity_type text;
alter table emit add column entity_id text;
-- The organization's revision under which the event was accepted: what was in force then decides
-- who gets it.
alter table emit add column revision integer not null default 0;
