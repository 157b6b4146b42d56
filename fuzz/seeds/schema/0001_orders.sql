-- The shop's first schema.
create table if not exists orders (
  id text primary key,
  item text not null,
  price integer not null,
  node text not null,
  at timestamptz not null default now()
);
