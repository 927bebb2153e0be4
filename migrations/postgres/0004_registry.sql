-- Which payloads a minor version has to go on taking, by the word of the version that comes.
alter table registration add column compatibility text not null default 'backward' check (compatibility in ('backward', 'strict'));

-- What became of a request with an idempotency key. A row is a claim while the request runs, and its
-- answer for a day after that.
create table idempotency (
    organization_id text    not null,
    -- Method and path as the router writes them.
    route           text    not null,
    key             text    not null,
    -- SHA-256 of who may what, and of everything that was asked.
    request_hash    text    not null,
    -- Which process runs it.
    holder          text    not null,
    -- Counts up with each claim: the fencing token of whoever took it last.
    claims          bigint  not null,
    -- When the claim ends by itself.
    claimed_until   bigint  not null,
    -- Whether the change that was asked for is committed: set in the change's own transaction.
    took_effect     boolean not null,
    -- The status of the answer; null as long as there is none.
    status          bigint,
    -- Its body under the organization's data key: answers may show a secret.
    answer          bytea,
    -- When the row may go.
    expires_at      bigint  not null,
    primary key (organization_id, route, key)
);
create index idempotency_expires on idempotency (expires_at);
