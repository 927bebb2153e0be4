-- A delivery is owed to a subscription, or because of a push to an external peer of a federation
-- group: subscription_id names the one or the other.
alter table delivery add column push_id text;
-- The first failure of an external peer's endpoint since its last success.
alter table federation_member add column failing_since bigint;
-- When an emit may be relayed, later if that failed before, and how often it did.
alter table federation_fan_out add column due_at bigint not null default 0;
alter table federation_fan_out add column failures bigint not null default 0;

-- So is what is sent again: a replay goes to either, and removing the receiver removes its replays.
create table replay_to_receiver (
    id                 text    primary key,
    organization_id    text    not null references organization (id),
    subscription_id    text    not null,
    source             text    not null check (source in ('events', 'dead_letters')),
    includes_delivered boolean not null,
    from_at            bigint,
    to_at              bigint not null,
    died_since         bigint,
    done_until         text    not null,
    due_at             bigint not null,
    steps              bigint not null,
    created_at         bigint not null
);
insert into replay_to_receiver (id, organization_id, subscription_id, source, includes_delivered, from_at, to_at, died_since, done_until, due_at, steps, created_at)
select id, organization_id, subscription_id, source, includes_delivered, from_at, to_at, died_since, done_until, due_at, steps, created_at from replay;
drop table replay;
alter table replay_to_receiver rename to replay;
create index replay_due on replay (due_at);
create index replay_subscription on replay (subscription_id);
