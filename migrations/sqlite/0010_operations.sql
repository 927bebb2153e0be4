-- What kind of thing went wrong in an attempt, for those who ask why.
alter table attempt add column failure text;

-- The built-in components that hosts had, and since when.
create table builtin_component (
    name   text   not null,
    digest text   not null,
    since  integer not null,
    primary key (name, digest)
) strict, without rowid;

-- What idempotency keys stand for whose emits are deleted: a key is valid for ever.
create table emit_key (
    organization_id text not null,
    idempotency_key text not null,
    emit_id         text not null,
    namespace       text not null,
    name            text not null,
    version         text not null,
    request_hash    text not null,
    primary key (organization_id, idempotency_key)
) strict, without rowid;
