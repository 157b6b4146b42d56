#!/bin/bash
# Runs once inside the hosts' common image: users, the database (offline, so that both hosts begin with
# byte-identical clusters and the standby needs no base backup), which units start at boot.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin

groupadd --system hau
useradd --system --home-dir /var/lib/shop --shell /usr/sbin/nologin shop
install -d -o shop -g shop -m 0755 /var/lib/shop
install -d -o shop -g shop -m 0750 /etc/shop
install -d -m 0755 /opt/shop /opt/shop/releases
install -d /var/log/journal

shop_password=$(openssl rand -hex 16)
replicator_password=$(openssl rand -hex 16)
sync_password=$(openssl rand -hex 16)

# configuration of the service
install -o root -g shop -m 0640 /dev/stdin /etc/shop/db.password <<< "$shop_password"
install -o shop -g shop -m 0644 /dev/stdin /etc/shop/shop.conf <<'CONF'
listen=8080
worker=http://127.0.0.1:9001/price
database=jdbc:postgresql://127.0.0.1:5432/shop
database_user=shop
database_password_file=/etc/shop/db.password
root_key=/etc/shop/root.key
marker=/var/lib/shop/last-version
threads=256
connections=8
CONF
install -o shop -g shop -m 0644 /dev/stdin /etc/shop/prices.conf <<< $'tea=250\nbread=320\nbook=1499'
install -o shop -g shop -m 0644 /dev/stdin /etc/shop/messages.conf <<< 'greeting=Welcome to the shop'

# configuration sync: one rsync module a host, open to the other host only (rsyncd.conf is written per host)
install -m 0600 /dev/stdin /etc/rsyncd.secrets <<< "sync:$sync_password"
install -m 0600 /dev/stdin /etc/config-sync.password <<< "$sync_password"

# database
pg_dropcluster 15 main 2> /dev/null || true
pg_createcluster 15 main --locale C.UTF-8 -- --no-sync > /dev/null
config=/etc/postgresql/15/main
install -o postgres -g postgres -m 0600 /dev/stdin /var/lib/postgresql/replicator.pgpass <<< "*:*:*:replicator:$replicator_password"
install -o postgres -g postgres -m 0644 /dev/stdin "$config/conf.d/lab.conf" <<'CONF'
listen_addresses = '*'
ssl = off
shared_buffers = 32MB
max_connections = 60
hot_standby = on
wal_log_hints = on
wal_keep_size = 256MB
wal_retrieve_retry_interval = 100ms
recovery_init_sync_method = syncfs
password_encryption = scram-sha-256
CONF
install -o postgres -g postgres -m 0640 /dev/stdin "$config/pg_hba.conf" <<'CONF'
local all         postgres                  peer
local all         hau                       peer map=hau
local replication hau                       peer map=hau
local shop        shop                      scram-sha-256
host  shop        shop       127.0.0.1/32   scram-sha-256
host  replication replicator 10.77.0.0/24   scram-sha-256
host  postgres    replicator 10.77.0.0/24   scram-sha-256
CONF
install -o postgres -g postgres -m 0640 /dev/stdin "$config/pg_ident.conf" <<< $'hau root hau\nhau postgres hau'
install -d -o postgres -g postgres -m 2775 /run/postgresql
pg_ctlcluster 15 main start
runuser -u postgres -- psql -qX -v ON_ERROR_STOP=1 <<SQL
create role hau superuser login;
create role replicator replication login password '$replicator_password';
create role shop login password '$shop_password';
\c postgres
grant execute on function pg_ls_dir(text, boolean, boolean) to replicator;
grant execute on function pg_stat_file(text, boolean) to replicator;
grant execute on function pg_read_binary_file(text) to replicator;
grant execute on function pg_read_binary_file(text, bigint, bigint, boolean) to replicator;
create database shop owner shop;
\c shop
set role shop;
\i /srv/schema.sql
SQL
pg_ctlcluster 15 main stop -m fast
rm -f /srv/schema.sql /var/log/postgresql/*.log

# boot: what the hosts need, and nothing that only makes noise in a container
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
systemctl -q enable keepalived.service rsync.service postgresql.service shop-worker.service shop-api.service config-sync.timer
# (e2scrub_reap asks for a processor only when nobody else wants one: on a busy machine a boot waits for it in vain)
systemctl -q mask console-getty.service getty@.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
  systemd-udev-trigger.service systemd-udevd.service systemd-networkd.service systemd-timesyncd.service
rm -f /root/provision
