-- A delivery is owed to a subscription, or because of a push to an external peer of a federation
-- group: subscription_id names the one or the other.
alter table delivery add column push_id text;
-- The first failure of an external peer's endpoint since its last success.
alter table federation_member add column failing_since bigint;
-- When an emit may be relayed, later if that failed before, and how often it did.
alter table federation_fan_out add column due_at bigint not null default 0;
alter table federation_fan_out add column failures bigint not null default 0;
