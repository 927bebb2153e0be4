-- Which root key wraps the data keys of organizations, by its id. The key itself is never stored.
-- One row: whoever creates an organization holds it until the commit, so that no data key is
-- wrapped with a root key that was replaced meanwhile.
create table root_key (
    slot         text    primary key check (slot in ('active')),
    key_id       text    not null,
    activated_at integer not null
) strict, without rowid;
