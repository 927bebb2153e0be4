-- What kind of thing went wrong in an attempt, for those who ask why.
alter table attempt add column failure text;

-- The built-in components that hosts had, and since when.
create table builtin_component (
    name   text   not null,
    digest text   not null,
    since  bigint not null,
    primary key (name, digest)
);
