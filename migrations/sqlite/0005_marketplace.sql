-- A registration that its owner shows to every organization. The schema is the registration's:
-- it never changes, and its row is never deleted.
create table listing (
    id              text    primary key,
    organization_id text    not null references organization (id),
    registration_id text    not null references registration (id),
    namespace       text    not null,
    name            text    not null,
    major           integer not null,
    minor           integer not null,
    patch           integer not null,
    title           text    not null,
    description     text,
    -- A JSON array of texts.
    tags            text    not null,
    -- Title and description in lower case, as the host folds them: neither database has to know
    -- the letters of every script.
    searchable      text    not null,
    status          text    not null check (status in ('published', 'unpublished', 'archived')),
    fork_count      integer not null,
    published_by    text    not null,
    published_at    integer not null,
    unpublished_at  integer,
    created_at      integer not null,
    updated_at      integer not null
) strict;
-- One listing per version, for ever.
create unique index listing_registration on listing (registration_id);
create index listing_order on listing (status, published_at desc, id);

-- Where a registration came from, kept for audit by the organization that has it.
create table marketplace_fork (
    id                        text    primary key,
    organization_id           text    not null references organization (id),
    registration_id           text    not null references registration (id),
    listing_id                text    not null references listing (id),
    publisher_organization_id text    not null,
    source_canonical_name     text    not null,
    forked_by                 text    not null,
    created_at                integer not null
) strict;
create unique index marketplace_fork_registration on marketplace_fork (registration_id);
