-- openGauss' functions on a PostgreSQL 15, by its source (walsender.cpp, walreceiver.cpp, xlogfuncs.cpp): names, columns and
-- words are its own, values PostgreSQL's. In pg_catalog, where its own lie: found without a schema, and in no dump.

-- Two of them PostgreSQL has too, with other columns. Its views go on with the renamed ones.
do $$
declare name text;
begin
    foreach name in array array['pg_stat_get_wal_senders', 'pg_stat_get_wal_receiver', 'version'] loop
        if exists (select from pg_proc p join pg_language l on l.oid = p.prolang
                   where p.proname = name and l.lanname = 'internal') then
            execute format('alter function pg_catalog.%I() rename to %I', name, name || '_of_postgres');
        end if;
    end loop;
end $$;

create or replace function pg_catalog.version() returns text language sql stable as
    $$ select '(openGauss 5.0.0 build a07d57c3) compiled at 2023-03-29 03:37:13 commit 0 last mr  on x86_64-unknown-linux-gnu, '
              'compiled by g++ (GCC) 7.3.0, 64-bit'::text $$;

-- The front leaves words in files of the data directory.
create or replace function pg_catalog.gauss_word(file text) returns text
    language sql volatile security definer set search_path = pg_catalog as
    $$ select nullif(btrim(pg_read_file(file, 0, 64, true), E' \n'), '') $$;

-- Who sees what: sysadmin all, monadmin the senders, none nothing but numbers of processes.
create or replace function pg_catalog.gauss_rights() returns text language sql stable set search_path = pg_catalog as
    $$ select coalesce(nullif(current_setting('gauss.rights', true), ''), 'sysadmin') $$;

create or replace function pg_catalog.pg_stat_get_stream_replications(
    out local_role text, out static_connections integer, out db_state text, out detail_information text)
    returns setof record language plpgsql volatile security definer set search_path = pg_catalog as $$
begin
    local_role := coalesce(gauss_word('gaussdb.mode'), case when pg_is_in_recovery() then 'Standby' else 'Primary' end);
    static_connections := case local_role when 'Normal' then 0 else 1 end;
    db_state := 'Normal';
    detail_information := 'Normal';
    if local_role = 'Standby' and not exists (select from pg_stat_wal_receiver where status = 'streaming') then
        db_state := 'Need repair';
        detail_information := 'Connecting...';
    end if;
    db_state := coalesce(gauss_word('gaussdb.phase'), db_state);
    return next;
end $$;

create or replace function pg_catalog.pg_stat_get_wal_senders(
    out pid bigint, out sender_pid integer, out local_role text, out peer_role text, out peer_state text, out state text,
    out catchup_start timestamptz, out catchup_end timestamptz,
    out sender_sent_location text, out sender_write_location text, out sender_flush_location text, out sender_replay_location text,
    out receiver_received_location text, out receiver_write_location text, out receiver_flush_location text,
    out receiver_replay_location text, out sync_percent text, out sync_state text, out sync_priority integer,
    out sync_most_available text, out channel text)
    returns setof record language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
    one record;
    own_write pg_lsn;
    own_flush pg_lsn;
begin
    for one in select * from pg_stat_replication loop
        pid := one.pid;
        sender_pid := one.pid;
        if gauss_rights() <> 'none' then
            if pg_is_in_recovery() then
                local_role := 'Standby';
                peer_role := 'Cascade Standby';
                own_write := pg_last_wal_receive_lsn();
                own_flush := own_write;
            else
                local_role := 'Primary';
                peer_role := 'Standby';
                own_write := pg_current_wal_lsn();
                own_flush := pg_current_wal_flush_lsn();
            end if;
            peer_state := 'Normal';
            state := case one.state when 'stopping' then 'Streaming' else initcap(one.state) end;
            sender_sent_location := one.sent_lsn;
            sender_write_location := own_write;
            sender_flush_location := own_flush;
            sender_replay_location := own_flush;
            receiver_received_location := coalesce(one.write_lsn, one.sent_lsn);
            receiver_write_location := coalesce(one.write_lsn, one.sent_lsn);
            receiver_flush_location := coalesce(one.flush_lsn, one.sent_lsn);
            receiver_replay_location := coalesce(one.replay_lsn, one.sent_lsn);
            sync_percent := case when one.flush_lsn >= own_flush then '100%' else '99%' end;
            sync_state := initcap(one.sync_state);
            sync_priority := one.sync_priority;
            sync_most_available := initcap(coalesce(current_setting('gauss.most_available_sync', true), 'off'));
            channel := coalesce(host(inet_server_addr()) || ':' || inet_server_port() || '-->' || host(one.client_addr) || ':'
                                || one.client_port, '');
        end if;
        return next;
    end loop;
end $$;

create or replace function pg_catalog.pg_stat_get_wal_receiver(
    out receiver_pid integer, out local_role text, out peer_role text, out peer_state text, out state text,
    out sender_sent_location text, out sender_write_location text, out sender_flush_location text, out sender_replay_location text,
    out receiver_received_location text, out receiver_write_location text, out receiver_flush_location text,
    out receiver_replay_location text, out sync_percent text, out channel text)
    returns setof record language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
    one record;
    sent pg_lsn;
begin
    for one in select * from pg_stat_wal_receiver where status = 'streaming' loop
        receiver_pid := one.pid;
        if gauss_rights() = 'sysadmin' then
            local_role := 'Standby';
            peer_role := 'Primary';
            peer_state := 'Normal';
            state := 'Normal';
            sent := greatest(one.latest_end_lsn, one.flushed_lsn);
            sender_sent_location := sent;
            sender_write_location := sent;
            sender_flush_location := sent;
            sender_replay_location := sent;
            receiver_received_location := greatest(one.written_lsn, one.flushed_lsn);
            receiver_write_location := greatest(one.written_lsn, one.flushed_lsn);
            receiver_flush_location := one.flushed_lsn;
            receiver_replay_location := pg_last_wal_replay_lsn();
            sync_percent := case when one.flushed_lsn >= sent then '100%' else '99%' end;
            channel := case when one.sender_host like '/%' then '' else '<--' || one.sender_host || ':' || one.sender_port end;
        end if;
        return next;
    end loop;
end $$;

-- A row of two columns, not a value. NULL where nothing was ever replayed.
create or replace function pg_catalog.pg_last_xlog_replay_location(out term text, out lsn text)
    language sql volatile set search_path = pg_catalog as
    $$ select '1'::text, pg_last_wal_replay_lsn()::text where pg_last_wal_replay_lsn() is not null $$;

create or replace function pg_catalog.pg_last_xlog_receive_location() returns text
    language sql volatile set search_path = pg_catalog as $$ select pg_last_wal_receive_lsn()::text $$;

create or replace function pg_catalog.pg_current_xlog_location() returns text
    language sql volatile set search_path = pg_catalog as $$ select pg_current_wal_lsn()::text $$;

create or replace function pg_catalog.pg_current_xlog_insert_location() returns text
    language sql volatile set search_path = pg_catalog as $$ select pg_current_wal_insert_lsn()::text $$;

create or replace function pg_catalog.pg_xlog_location_diff(one text, other text) returns numeric
    language sql immutable strict set search_path = pg_catalog as $$ select pg_wal_lsn_diff(one::pg_lsn, other::pg_lsn) $$;

create or replace function pg_catalog.pg_is_xlog_replay_paused() returns boolean
    language sql volatile set search_path = pg_catalog as $$ select pg_is_wal_replay_paused() $$;

create or replace function pg_catalog.pg_xlog_replay_pause() returns void
    language sql volatile set search_path = pg_catalog as $$ select pg_wal_replay_pause() $$;

create or replace function pg_catalog.pg_xlog_replay_resume() returns void
    language sql volatile set search_path = pg_catalog as $$ select pg_wal_replay_resume() $$;
