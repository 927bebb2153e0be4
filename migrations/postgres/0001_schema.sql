-- The whole schema. Times are milliseconds since the Unix epoch. Both databases have the same
-- tables, columns and indexes; tests/it/rules/migrations.rs compares them.

-- Organizations and keys.

create table organization (
    id            text    primary key,
    name          text    not null,
    slug          text    not null,
    plan          text    not null check (plan in ('FREE', 'BASIC', 'PRO', 'ENTERPRISE')),
    region        text    not null,
    billing_email text,
    is_active     boolean not null,
    -- Raised by every change that accepting or routing an event may depend on, to the time of the change
    -- or by one, whichever is more. A cached view of an organization holds the revision at which it was
    -- read.
    revision      bigint not null,
    -- The revision of the last change of what the check of an emit depends on: keys, plan, registrations
    -- and pushes.
    rules_revision bigint not null,
    -- The organization's data key, wrapped by the root key.
    data_key      bytea    not null,
    created_at    bigint not null,
    updated_at    bigint not null
);
create unique index organization_slug on organization (slug);

create table namespace_grant (
    organization_id text    not null references organization (id),
    namespace       text    not null,
    created_at      bigint not null,
    primary key (organization_id, namespace)
);

create table api_key (
    id              text    primary key,
    organization_id text    not null references organization (id),
    -- SHA-256 of the key. The key itself is shown once and never stored.
    key_hash        text    not null,
    caller_service  text    not null,
    label           text,
    scopes          text    not null,
    environment     text    not null check (environment in ('live', 'test', 'dev')),
    created_at      bigint not null,
    expires_at      bigint,
    revoked_at      bigint
);
create unique index api_key_hash on api_key (key_hash);
create index api_key_organization on api_key (organization_id, id);

-- Which root key wraps the data keys of organizations, by its id. The key itself is never stored.
-- The one row is locked while an organization is created, so that no data key is wrapped with a
-- root key that was replaced meanwhile.
create table root_key (
    slot         text    primary key check (slot in ('active')),
    key_id       text    not null,
    activated_at bigint not null
);

-- Requests with an idempotency key. A row is a claim while the request runs, and its answer for a
-- day after that.
create table idempotency (
    organization_id text    not null,
    -- Method and path as the router writes them.
    route           text    not null,
    key             text    not null,
    -- SHA-256 of the caller's scopes and of the whole request.
    request_hash    text    not null,
    -- The process that runs the request.
    holder          text    not null,
    -- The fencing token: counts up with each claim.
    claims          bigint not null,
    -- When the claim ends by itself.
    claimed_until   bigint not null,
    -- Whether the requested change is committed: set in the change's own transaction.
    took_effect     boolean not null,
    -- The status of the answer; null as long as there is none.
    status          bigint,
    -- The body of the answer under the organization's data key, because answers may show a secret.
    answer          bytea,
    -- When the row may be deleted.
    expires_at      bigint not null,
    primary key (organization_id, route, key)
);
create index idempotency_expires on idempotency (expires_at);

-- The registry and the marketplace.

create table registration (
    id              text    primary key,
    organization_id text    not null references organization (id),
    namespace       text    not null,
    name            text    not null,
    major           bigint not null,
    minor           bigint not null,
    patch           bigint not null,
    status          text    not null check (status in ('draft', 'published', 'archived')),
    description     text,
    payload_schema  text    not null,
    -- The schema as it was sent, and a JSON array of what was changed, if it was converted.
    source_schema   text,
    schema_changes  text,
    payload_example text,
    schema_hash     text    not null,
    schema_flavour  text    not null,
    semver_bump     text    not null check (semver_bump in ('initial', 'patch', 'minor', 'major')),
    registered_by   text    not null,
    created_at      bigint not null,
    updated_at      bigint not null,
    archived_at     bigint,
    -- Which payloads of the version before a minor version has to go on accepting.
    compatibility   text    not null default 'backward' check (compatibility in ('backward', 'strict'))
);
create unique index registration_version on registration (organization_id, namespace, name, major, minor, patch);

-- A registration that its owner shows to every organization. The schema is the registration's: it
-- never changes, and its row is never deleted.
create table listing (
    id              text    primary key,
    organization_id text    not null references organization (id),
    registration_id text    not null references registration (id),
    namespace       text    not null,
    name            text    not null,
    major           bigint not null,
    minor           bigint not null,
    patch           bigint not null,
    title           text    not null,
    description     text,
    -- A JSON array of texts.
    tags            text    not null,
    -- Title and description in lower case as the host folds them, so that neither database has to
    -- know the letters of every script.
    searchable      text    not null,
    status          text    not null check (status in ('published', 'unpublished', 'archived')),
    fork_count      bigint not null,
    published_by    text    not null,
    published_at    bigint not null,
    unpublished_at  bigint,
    created_at      bigint not null,
    updated_at      bigint not null
);
-- One listing per version, for ever.
create unique index listing_registration on listing (registration_id);
create index listing_order on listing (status, published_at desc, id);

-- Which listing a registration was copied from: the audit record of the copying organization.
create table marketplace_fork (
    id                        text    primary key,
    organization_id           text    not null references organization (id),
    registration_id           text    not null references registration (id),
    listing_id                text    not null references listing (id),
    publisher_organization_id text    not null,
    source_canonical_name     text    not null,
    forked_by                 text    not null,
    created_at                bigint not null
);
create unique index marketplace_fork_registration on marketplace_fork (registration_id);

-- Events.

-- An accepted event: the audit record, and the outbox of routing. Custom events have a
-- registration, a namespace and a version. Of lifecycle and ingested events these are empty, and
-- name is the whole event type.
create table emit (
    id                     text    primary key,
    organization_id        text    not null,
    registration_id        text    not null,
    namespace              text    not null,
    name                   text    not null,
    version                text    not null,
    payload                text    not null,
    idempotency_key        text,
    request_hash           text,
    chain_depth            bigint not null,
    emitted_by             text    not null,
    accepted_at            bigint not null,
    routed_at              bigint,
    -- When routing may take the emit, also from a process that holds it; null once it is routed.
    due_at                 bigint,
    -- The fencing token of routing: counts up with each claim.
    claims                 bigint not null,
    -- Why the emit could not be routed yet.
    error_message          text,
    kind                   text    not null default 'custom' check (kind in ('custom', 'lifecycle', 'ingested')),
    -- The object that a lifecycle or ingested event is about.
    entity_type            text,
    entity_id              text,
    -- The organization's revision under which the event was accepted: subscriptions and pushes as
    -- of that revision decide who gets the event.
    revision               bigint not null default 0,
    -- Of a relayed emit: the organization that emitted it, and the push that brought it.
    source_organization_id text,
    push_id                text,
    -- The digest of the router that chose the receivers; null when there was nothing to choose from.
    router_digest          text
);
create unique index emit_idempotency on emit (organization_id, idempotency_key) where idempotency_key is not null;
create index emit_organization on emit (organization_id, id);
-- Organizations take turns in routing, so what is due is found per organization.
create index emit_due on emit (organization_id, due_at) where due_at is not null;

-- Payloads that are large: routing changes the row of an emit a few times, and each change writes the
-- whole row again. The column emit.payload is empty then.
create table emit_payload (
    emit_id text primary key references emit (id) on delete cascade,
    payload text not null
);

-- Idempotency keys whose emits are deleted: a key is valid for ever.
create table emit_key (
    organization_id text not null,
    idempotency_key text not null,
    emit_id         text not null,
    namespace       text not null,
    name            text not null,
    version         text not null,
    request_hash    text not null,
    primary key (organization_id, idempotency_key)
);

create table emit_usage (
    organization_id text    not null,
    month           text    not null,
    emits           bigint not null,
    primary key (organization_id, month)
);

-- Subscriptions.

create table subscription (
    id                        text    primary key,
    organization_id           text    not null references organization (id),
    name                      text    not null,
    webhook_url               text    not null,
    is_active                 boolean not null,
    secret_encrypted          bytea    not null,
    created_at                bigint not null,
    updated_at                bigint not null,
    -- Which of the two views of the API it was created through.
    kind                      text    not null default 'event_subscription' check (kind in ('event_subscription', 'webhook')),
    -- What the subscription asks for. Null is the host's default.
    -- The router's condition on the payload, JSON.
    filter                    text,
    -- Words for the router, a JSON object of texts.
    labels                    text,
    -- What X-Event-Signature signs.
    signature_scheme          text    not null default 'platform' check (signature_scheme in ('platform', 'timestamped')),
    -- Seconds before each further attempt, as in `30,120`.
    retry_schedule            text,
    max_in_flight             bigint,
    rate_limit_per_second     bigint,
    -- Headers of every delivery, a JSON object under the organization's data key, and their names, a JSON list.
    headers_encrypted         bytea,
    header_names              text,
    -- The secret before the present one, which signs as well until its time is over.
    previous_secret_encrypted bytea,
    previous_secret_until     bigint,
    -- Set when the host gave the endpoint up, together with is_active = false.
    disabled_at               bigint,
    disabled_reason           text,
    -- The first failure since the last success.
    failing_since             bigint,
    -- Routing offers it events accepted at this revision of its organization or later.
    since_revision            bigint not null default 0,
    -- With `startAt`: since when it also gets earlier events, and the last emit that it has of
    -- them; null once it has all.
    start_at                  bigint,
    catch_up_after            text
);
create index subscription_organization on subscription (organization_id, id);
create index subscription_kind on subscription (organization_id, kind, id);
create index subscription_catching_up on subscription (id) where catch_up_after is not null;

create table subscription_event (
    organization_id text    not null,
    subscription_id text    not null references subscription (id) on delete cascade,
    position        bigint not null,
    event_type      text    not null,
    -- Whether the type has a wildcard and so cannot be looked up by its text.
    is_pattern      boolean not null,
    primary key (subscription_id, position)
);
create index subscription_event_type on subscription_event (organization_id, event_type);
create index subscription_event_pattern on subscription_event (organization_id) where is_pattern;

-- Components and deliveries.

-- The code of components. Built-in components have a row for each version that some host had, so
-- that a delivery is served by the version that it was routed with, also after an upgrade.
create table component (
    -- SHA-256 of the bytes, in hex.
    digest     text    primary key,
    -- What the host or its author calls it.
    name       text    not null,
    -- The WIT world that it implements.
    world      text    not null,
    wasm       bytea    not null,
    created_at bigint not null
);

-- The components that serve deliveries, with their configurations. The id is a digest of the other
-- columns, so equal programs of an organization are one row, written when first used.
create table program (
    id                 text primary key,
    organization_id    text not null,
    -- Reshapes the event before the handler; null when nothing does.
    transformer_digest text,
    transformer_config text,
    -- The adapter that describes the request.
    handler_digest     text not null,
    handler_config     text not null
);

-- One emit owed to one receiver.
create table delivery (
    id              text    primary key,
    organization_id text    not null,
    emit_id         text    not null,
    -- The subscription, or the external peer of a federation group.
    receiver_id     text    not null,
    -- The push that an external peer is owed the emit by.
    push_id         text,
    -- The components that serve it, from its creation to its last attempt.
    program_id      text    not null,
    status          text    not null check (status in ('PENDING', 'RETRYING', 'SUCCESS', 'FAILED', 'SKIPPED')),
    -- What the router added to the event for this delivery, a JSON list; null when nothing.
    attributes      text,
    is_replay       boolean not null,
    -- Attempts of the current round: a replay starts a new one.
    attempts_made   bigint not null,
    -- Attempts of all rounds; the number of the newest attempt row.
    attempts_total  bigint not null,
    -- When a worker may take the delivery, also from a process that holds it; null once it is finished.
    due_at          bigint,
    -- Whether due_at is the end of a worker's lease and not the time of a planned attempt.
    is_claimed      boolean not null,
    -- The fencing token: counts up with each claim.
    claims          bigint not null,
    error_message   text,
    created_at      bigint not null,
    updated_at      bigint not null
);
create index delivery_organization on delivery (organization_id, id);
create index delivery_emit on delivery (emit_id, receiver_id);
create index delivery_receiver on delivery (receiver_id, id);
create index delivery_due on delivery (receiver_id, due_at) where due_at is not null;
create index delivery_failed on delivery (organization_id, id) where status = 'FAILED';

create table attempt (
    delivery_id      text    not null,
    number           bigint not null,
    started_at       bigint not null,
    duration_ms      bigint not null,
    response_status  bigint,
    error_message    text,
    response_snippet text,
    fuel             bigint,
    -- What kind of failure it was; null for a success.
    failure          text,
    primary key (delivery_id, number)
);

-- Lines that components wrote while they handled events.
create table component_log (
    organization_id text    not null,
    component       text    not null,
    emit_id         text    not null,
    -- The delivery and the number of the attempt; null for a router.
    delivery_id     text,
    attempt         bigint,
    level           text    not null check (level in ('debug', 'info', 'warn', 'error')),
    message         text    not null,
    created_at      bigint not null
);
create index component_log_component on component_log (organization_id, component, created_at);
create index component_log_age on component_log (created_at);

-- Sending many events again, in small steps: each step moves done_until on, in the transaction that
-- makes its deliveries due.
create table replay (
    id                 text    primary key,
    organization_id    text    not null references organization (id),
    receiver_id        text    not null,
    -- Whether it goes over accepted events or over dead letters.
    source             text    not null check (source in ('events', 'dead_letters')),
    -- Whether events that were delivered are sent again, too.
    includes_delivered boolean not null,
    -- The time span in which events were accepted, or dead letters were routed.
    from_at            bigint,
    to_at              bigint not null,
    -- Only dead letters that became one at that time or later.
    died_since         bigint,
    -- The last row that a step has looked at.
    done_until         text    not null,
    -- When the next step may be made.
    due_at             bigint not null,
    -- Counts up with each step, so that of two hosts one makes it.
    steps              bigint not null,
    created_at         bigint not null
);
create index replay_due on replay (due_at);
create index replay_receiver on replay (receiver_id);

-- Federation. Who gets an event is decided by the revision of the owner's organization under which
-- the event was accepted. So groups, memberships and pushes say from which revision on they hold
-- (since_revision), and from which on they no longer do (until_revision).

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
    -- Of a member that is an organization.
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
    removed_at             bigint,
    -- The first failure of an external peer's endpoint since its last success.
    failing_since          bigint
);
-- An organization has one row per group, however often it comes and goes.
create unique index federation_member_organization on federation_member (member_organization_id, group_id) where member_organization_id is not null;
create index federation_member_group on federation_member (group_id, id);

-- The stretches in which a member was accepted, one row each.
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

-- Emits that are still to be relayed: a row for each from its acceptance until all members have it.
create table federation_fan_out (
    -- The owner.
    organization_id text    not null,
    emit_id         text    not null,
    -- Members up to this one have it.
    after_member    text    not null,
    -- When it may be relayed: later after a failure. How often relaying it failed.
    due_at          bigint not null default 0,
    failures        bigint not null default 0,
    primary key (organization_id, emit_id)
);

-- One row for each attempt to relay an emit to a member. Ids sort by time.
create table federation_relay_log (
    id                   text    primary key,
    -- The owner.
    organization_id      text    not null,
    group_id             text    not null,
    push_id              text    not null,
    member_id            text    not null,
    peer_organization_id text,
    peer_canonical_name  text,
    emit_id              text    not null,
    attempt              bigint not null,
    status               text    not null check (status in ('queued', 'relayed', 'failed')),
    response_status      bigint,
    error_message        text,
    created_at           bigint not null
);
create index federation_relay_log_group on federation_relay_log (group_id, id);
create index federation_relay_log_member on federation_relay_log (member_id, id);
