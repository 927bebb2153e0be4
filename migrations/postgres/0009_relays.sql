-- Where a relayed emit came from: the organization that emitted it, and because of which push.
alter table emit add column source_organization_id text;
alter table emit add column push_id text;

-- Emits that are still to be relayed: a row for each from the moment it is accepted until all
-- members have it.
create table federation_fan_out (
    -- The owner.
    organization_id text   not null,
    emit_id         text   not null,
    -- Members up to this one have it.
    after_member    text   not null,
    primary key (organization_id, emit_id)
);

-- One row for each attempt to relay an emit to a member. Ids sort by time.
create table federation_relay_log (
    id                   text   primary key,
    -- The owner.
    organization_id      text   not null,
    group_id             text   not null,
    push_id              text   not null,
    member_id            text   not null,
    peer_organization_id text,
    peer_canonical_name  text,
    emit_id              text   not null,
    attempt              bigint not null,
    status               text   not null check (status in ('queued', 'relayed', 'failed')),
    response_status      bigint,
    error_message        text,
    created_at           bigint not null
);
create index federation_relay_log_group on federation_relay_log (group_id, id);
create index federation_relay_log_member on federation_relay_log (member_id, id);
