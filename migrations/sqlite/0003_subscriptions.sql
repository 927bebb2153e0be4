-- What a subscription may ask for, and what becomes of its endpoint. Null is what the host does by itself.

-- Which of the two views of the API it was created through.
alter table subscription add column kind text not null default 'event_subscription' check (kind in ('event_subscription', 'webhook'));
-- The router's condition on the payload, JSON.
alter table subscription add column filter text;
-- Words for the router, a JSON object of texts.
alter table subscription add column labels text;
-- What X-Event-Signature signs.
alter table subscription add column signature_scheme text not null default 'platform' check (signature_scheme in ('platform', 'timestamped'));
-- Seconds before each further attempt, as in `30,120`.
alter table subscription add column retry_schedule text;
alter table subscription add column max_in_flight integer;
alter table subscription add column rate_limit_per_second integer;
-- Headers of every delivery, a JSON object under the organization's data key, and their names, a JSON list.
alter table subscription add column headers_encrypted blob;
alter table subscription add column header_names text;
-- The secret before the present one, which signs as well until its time is over.
alter table subscription add column previous_secret_encrypted blob;
alter table subscription add column previous_secret_until integer;
-- Set when the host gave the endpoint up, together with is_active = false.
alter table subscription add column disabled_at integer;
alter table subscription add column disabled_reason text;
-- The first failure since the last success.
alter table subscription add column failing_since integer;
-- It gets what was accepted at this revision of its organization or later, without being asked again.
alter table subscription add column since_revision integer not null default 0;
-- Since when it also gets what was accepted before that, and the emit up to which it has: null once it has all.
alter table subscription add column start_at integer;
alter table subscription add column catch_up_after text;

create index subscription_kind on subscription (organization_id, kind, id);
create index subscription_catching_up on subscription (id) where catch_up_after is not null;
