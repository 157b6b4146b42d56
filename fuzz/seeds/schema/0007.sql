alter table orders drop column item;
alter table orders add column note text;
