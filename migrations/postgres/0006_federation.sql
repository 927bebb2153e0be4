-- Who gets an event is decided by the revision of the owner's organization under which the event
-- was accepted. So what decides it says from which revision on it holds (since_revision), and
-- from which on it does not hold any more (until_revision).

create table federation_group (
    id              text    primary key,
    -- The owner.
    organization_id text    not null references organization (id),
    name            text    not null,
    description     text,
    created_by      text    not null,
    created_at      bigint not null,
    updated_at      bigint not null,
    archived_at     bigint,
    until_revision  bigint
);
-- The name of an archived group is free again.
create unique index federation_group_name on federation_group (organization_id, name) where archived_at is null;
create index federation_group_organization on federation_group (organization_id, id);

create table federation_member (
    id                     text    primary key,
    -- The owner of the group.
    organization_id        text    not null references organization (id),
    group_id               text    not null references federation_group (id),
    peer_type              text    not null check (peer_type in ('tenant_org', 'external_webhook')),
    -- Of an organization.
    member_organization_id text    references organization (id),
    -- Of an external peer; secret and headers are wiped when it is removed.
    webhook_url            text,
    label                  text,
    header_names           text,
    headers_encrypted      bytea,
    secret_encrypted       bytea,
    status                 text    not null check (status in ('pending', 'accepted', 'paused', 'removed')),
    invited_by             text    not null,
    invited_at             bigint not null,
    accepted_by            text,
    accepted_at            bigint,
    paused_by              text,
    paused_at              bigint,
    removed_by             text,
    removed_at             bigint
);
-- An organization has one row per group, however often it comes and goes.
create unique index federation_member_organization on federation_member (member_organization_id, group_id) where member_organization_id is not null;
create index federation_member_group on federation_member (group_id, id);

-- When a member got what was pushed: a row for each stretch in which it was accepted.
create table federation_membership (
    organization_id text    not null,
    member_id       text    not null references federation_member (id),
    since_revision  bigint not null,
    until_revision  bigint,
    primary key (member_id, since_revision)
);

create table federation_push (
    id              text    primary key,
    -- The owner of the group.
    organization_id text    not null references organization (id),
    group_id        text    not null references federation_group (id),
    registration_id text    not null references registration (id),
    namespace       text    not null,
    name            text    not null,
    major           bigint not null,
    minor           bigint not null,
    patch           bigint not null,
    -- The schema as it was when the push was declared.
    payload_schema  text    not null,
    pushed_by       text    not null,
    pushed_at       bigint not null,
    unpushed_by     text,
    unpushed_at     bigint,
    since_revision  bigint not null,
    until_revision  bigint
);
-- A version is pushed to a group once at a time.
create unique index federation_push_active on federation_push (group_id, registration_id) where until_revision is null;
create index federation_push_group on federation_push (group_id, id);
create index federation_push_registration on federation_push (organization_id, registration_id);
