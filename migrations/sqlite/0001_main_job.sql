-- Times are milliseconds since the Unix epoch. Both databases have the same tables, columns and
-- indexes; tests/it/rules/migrations.rs compares them.

create table organization (
    id            text    primary key,
    name          text    not null,
    slug          text    not null,
    plan          text    not null check (plan in ('FREE', 'BASIC', 'PRO', 'ENTERPRISE')),
    region        text    not null,
    billing_email text,
    is_active     integer not null check (is_active in (0, 1)),
    -- Raised with every change that accepting or routing an event may depend on. What is cached
    -- of an organization holds the revision it was read at.
    revision      integer not null,
    -- The organization's data key, wrapped by the root key.
    data_key      blob    not null,
    created_at    integer not null,
    updated_at    integer not null
) strict;
create unique index organization_slug on organization (slug);

create table namespace_grant (
    organization_id text    not null references organization (id),
    namespace       text    not null,
    created_at      integer not null,
    primary key (organization_id, namespace)
) strict, without rowid;

create table api_key (
    id              text    primary key,
    organization_id text    not null references organization (id),
    -- SHA-256 of the key; the key itself is shown once and never kept.
    key_hash        text    not null,
    caller_service  text    not null,
    label           text,
    scopes          text    not null,
    environment     text    not null check (environment in ('live', 'test', 'dev')),
    created_at      integer not null,
    expires_at      integer,
    revoked_at      integer
) strict;
create unique index api_key_hash on api_key (key_hash);
create index api_key_organization on api_key (organization_id, id);

create table registration (
    id              text    primary key,
    organization_id text    not null references organization (id),
    namespace       text    not null,
    name            text    not null,
    major           integer not null,
    minor           integer not null,
    patch           integer not null,
    status          text    not null check (status in ('draft', 'published', 'archived')),
    description     text,
    payload_schema  text    not null,
    payload_example text,
    schema_hash     text    not null,
    schema_flavour  text    not null,
    semver_bump     text    not null check (semver_bump in ('initial', 'patch', 'minor', 'major')),
    registered_by   text    not null,
    created_at      integer not null,
    updated_at      integer not null,
    archived_at     integer
) strict;
create unique index registration_version on registration (organization_id, namespace, name, major, minor, patch);

-- An accepted payload: the audit record, and the outbox of routing.
create table emit (
    id              text    primary key,
    organization_id text    not null,
    registration_id text    not null,
    namespace       text    not null,
    name            text    not null,
    version         text    not null,
    payload         text    not null,
    idempotency_key text,
    request_hash    text,
    chain_depth     integer not null,
    emitted_by      text    not null,
    accepted_at     integer not null,
    routed_at       integer,
    -- When routing may take the emit, again if somebody has it; null once it is routed.
    due_at          integer,
    claims          integer not null,
    error_message   text
) strict;
create unique index emit_idempotency on emit (organization_id, idempotency_key) where idempotency_key is not null;
create index emit_organization on emit (organization_id, id);
create index emit_due on emit (due_at) where due_at is not null;

create table emit_usage (
    organization_id text    not null,
    month           text    not null,
    emits           integer not null,
    primary key (organization_id, month)
) strict, without rowid;

create table subscription (
    id               text    primary key,
    organization_id  text    not null references organization (id),
    name             text    not null,
    webhook_url      text    not null,
    is_active        integer not null check (is_active in (0, 1)),
    secret_encrypted blob    not null,
    created_at       integer not null,
    updated_at       integer not null
) strict;
create index subscription_organization on subscription (organization_id, id);

create table subscription_event (
    organization_id text    not null,
    subscription_id text    not null references subscription (id) on delete cascade,
    position        integer not null,
    event_type      text    not null,
    -- Whether the type has a wildcard and so cannot be looked up by its text.
    is_pattern      integer not null check (is_pattern in (0, 1)),
    primary key (subscription_id, position)
) strict, without rowid;
create index subscription_event_type on subscription_event (organization_id, event_type);
create index subscription_event_pattern on subscription_event (organization_id) where is_pattern;

-- One emit owed to one subscription.
create table delivery (
    id              text    primary key,
    organization_id text    not null,
    emit_id         text    not null,
    subscription_id text    not null,
    status          text    not null check (status in ('PENDING', 'RETRYING', 'SUCCESS', 'FAILED', 'SKIPPED')),
    -- What the router added to the event for this delivery, a JSON object; null when nothing.
    attributes      text,
    is_replay       integer not null check (is_replay in (0, 1)),
    -- Attempts of the current round: a replay starts a new one.
    attempts_made   integer not null,
    -- Attempts of all rounds; the number of the newest attempt row.
    attempts_total  integer not null,
    -- When a worker may take the delivery, again if somebody has it; null once it is finished.
    due_at          integer,
    -- Whether due_at is the end of a worker's lease and not the time of a planned attempt.
    is_claimed      integer not null check (is_claimed in (0, 1)),
    -- Counts up with each claim: the fencing token of whoever took it last.
    claims          integer not null,
    error_message   text,
    created_at      integer not null,
    updated_at      integer not null
) strict, without rowid;
create index delivery_organization on delivery (organization_id, id);
create index delivery_emit on delivery (emit_id);
create index delivery_subscription on delivery (subscription_id, id);
create index delivery_due on delivery (subscription_id, due_at) where due_at is not null;
create index delivery_failed on delivery (organization_id, id) where status = 'FAILED';

create table attempt (
    delivery_id      text    not null,
    number           integer not null,
    started_at       integer not null,
    duration_ms      integer not null,
    response_status  integer,
    error_message    text,
    response_snippet text,
    fuel             integer,
    primary key (delivery_id, number)
) strict, without rowid;
