/** The tables of a journal, and what is asked of them. */
import { JOURNAL_BATCH_BYTES } from '../../limits.ts'
import type { Query } from './primary.ts'

const NAME = /^[a-z][a-z0-9_]{0,31}$/

export const isSchemaName = (name: string): boolean => NAME.test(name)

/** Of pg_advisory_xact_lock: the tables of one journal are made at a time. */
const LOCK = 0x64_73_74_6f

/** Entries of one batch. */
const BATCH = 256

/** Statements for the set of this name. Each query is prepared once for a connection. */
export interface Statements {
  /** Makes the tables where they are missing; `after` is the position before the first entry. */
  readonly create: (after: number) => Query
  /** A row that says whether they are `there`. */
  readonly exists: Query
  /** Of LISTEN and NOTIFY. */
  readonly channel: string
  /** One row if it was appended, none if the end is elsewhere. */
  readonly append: (after: number, entry: Uint8Array) => Query
  readonly extent: Query
  readonly at: (position: number) => Query
  readonly read: (after: number) => Query
  /** Only then are the entries gone; `forget` frees their space. */
  readonly trim: (upto: number) => Query
  readonly forget: Query
  readonly announce: (last: number) => Query
  /** Writes something, so that its end waits for a standby. */
  readonly confirm: Query
  /** One row if a process of the server is at work on a query. */
  readonly isActive: (processId: number) => Query
}

export function statementsOf(name: string, isOneServer: boolean): Statements {
  const schema = `dstore_${name}`
  // A server whose list of standbys was emptied meanwhile acknowledges what no other has.
  const promised = isOneServer ? 'true' : "current_setting('synchronous_standby_names') <> ''"
  return {
    channel: schema,
    create: (after) => ({
      // One transaction. Entries are seldom smaller when compressed, and it takes longer.
      text: `select pg_advisory_xact_lock(${LOCK});
        create schema if not exists ${schema};
        create table if not exists ${schema}.head (
          one boolean primary key default true check (one),
          first bigint not null, last bigint not null);
        create table if not exists ${schema}.entry (
          position bigint primary key, bytes bytea not null);
        alter table ${schema}.entry alter column bytes set storage external;
        insert into ${schema}.head (first, last) values (${after + 1}, ${after})
          on conflict do nothing`,
    }),
    exists: {
      text: `select to_regclass('${schema}.head') is not null as there`,
    },
    append: (after, entry) => ({
      name: 'append',
      text: `with moved as (
               update ${schema}.head set last = last + 1 where last = $1 and ${promised}
               returning last)
             insert into ${schema}.entry (position, bytes) select last, $2 from moved`,
      values: [after, entry],
    }),
    extent: {
      name: 'extent',
      text: `select first, last, ${promised} as promised from ${schema}.head`,
    },
    at: (position) => ({
      name: 'at',
      text: `select first, last, ${promised} as promised, encode(bytes, 'base64') as entry
             from ${schema}.head left join ${schema}.entry on position = $1 and position >= first`,
      values: [position],
    }),
    read: (after) => ({
      name: 'read',
      text: `select first, last, position, encode(bytes, 'base64') as entry
             from ${schema}.head left join lateral (
               select position, bytes, row_number() over ordered as nth,
                 sum(octet_length(bytes)) over ordered as total
               from (select position, bytes from ${schema}.entry
                     where position > $1 order by position limit ${BATCH}) as next
               window ordered as (order by position)
             ) as sized on nth = 1 or total <= ${JOURNAL_BATCH_BYTES}
             order by position`,
      values: [after],
    }),
    trim: (upto) => ({
      name: 'trim',
      text: `update ${schema}.head set first = $1::bigint + 1 where first <= $1 and last > $1`,
      values: [upto],
    }),
    forget: {
      name: 'forget',
      text: `delete from ${schema}.entry where position in (
               select position from ${schema}.entry
               where position < (select first from ${schema}.head) order by position limit 1000)`,
    },
    announce: (last) => ({
      name: 'announce',
      text: 'select pg_notify($1, $2)',
      values: [schema, `${last}`],
    }),
    confirm: {
      name: 'confirm',
      text: `select pg_logical_emit_message(true, 'dstore', '') where ${promised}`,
    },
    isActive: (processId) => ({
      name: 'active',
      text: "select 1 from pg_stat_activity where pid = $1 and state = 'active'",
      values: [processId],
    }),
  }
}
