-- Sending many events again, in small steps: each step moves done_until on, in the transaction that
-- makes what it took due.
create table replay (
    id                 text    primary key,
    organization_id    text    not null references organization (id),
    subscription_id    text    not null references subscription (id) on delete cascade,
    -- Whether it goes over accepted events or over dead letters.
    source             text    not null check (source in ('events', 'dead_letters')),
    -- Whether events that were delivered are sent again, too.
    includes_delivered integer not null check (includes_delivered in (0, 1)),
    -- When events were accepted, or dead letters were routed.
    from_at            integer,
    to_at              integer not null,
    -- Only dead letters that became one at that time or later.
    died_since         integer,
    -- The last row that was looked at.
    done_until         text    not null,
    -- When the next step may be made.
    due_at             integer not null,
    -- Counts up with each step: of two hosts one makes it.
    steps              integer not null,
    created_at         integer not null
) strict;
create index replay_due on replay (due_at);
create index replay_subscription on replay (subscription_id);

-- Whether a subscription has an emit already is looked up by both.
drop index delivery_emit;
create index delivery_emit on delivery (emit_id, subscription_id);
