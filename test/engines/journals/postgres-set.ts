/** A primary of PostgreSQL and two standbys on loopback, in a temporary folder. */
import { spawnSync } from 'node:child_process'
import { appendFile, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { DISK } from '../../disk.ts'
import { freePort } from '../../free-port.ts'

/** Where Debian has the programs, of the latest version. */
const VERSIONS = '/usr/lib/postgresql'

/** The folder of the programs, stated or found. */
export function postgresPrograms(): string | undefined {
  const stated = process.env['DSTORE_POSTGRES_BIN']
  if (stated !== undefined && stated !== '') return stated
  if (!existsSync(VERSIONS)) return undefined
  const folders = readdirSync(VERSIONS)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'initdb')))
}

/** The servers refuse to run as root: then as the user that their package makes. */
interface Owner {
  readonly uid?: number
  readonly gid?: number
}

function ownerOf(): Owner {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: id('-u'), gid: id('-g') }
}

/** Of the members of a set: no superuser, and with a password. */
export const MEMBER = { user: 'member', password: 'secret-of-postgres' }

/** Of pg_hba.conf: `probe` is the superuser of tests. */
const ACCESS = [
  `host all ${MEMBER.user} 127.0.0.1/32 scram-sha-256`,
  'host all all 127.0.0.1/32 trust',
  'host replication probe 127.0.0.1/32 trust',
]

export interface PostgresSetOptions {
  /** Default: `ANY 1 (s1, s2, s3)`. */
  readonly standbys?: string
  /** Lines of every server's configuration. */
  readonly more?: string
  /** Default: 3, the primary included. */
  readonly servers?: number
}

export class PostgresSet {
  readonly #programs: string
  readonly #folder: string
  readonly #owner = ownerOf()
  readonly ports: number[] = []

  private constructor(programs: string, folder: string) {
    this.#programs = programs
    this.#folder = folder
  }

  static async start(programs: string, options: PostgresSetOptions = {}): Promise<PostgresSet> {
    const folder = await mkdtemp(join(DISK, 'dstore-pg-'))
    const set = new PostgresSet(programs, folder)
    const { servers = 3, standbys = 'ANY 1 (s1, s2, s3)', more = '' } = options
    const { uid, gid } = set.#owner
    await mkdir(join(folder, 'all'))
    if (uid !== undefined) await chown(join(folder, 'all'), uid, gid!)
    if (uid !== undefined) await chown(folder, uid, gid!)
    while (set.ports.length < servers) set.ports.push(await freePort())
    set.#run('initdb', '-D', set.data(1), '-A', 'trust', '-U', 'probe', '--no-sync')
    await set.#configure(1, more)
    // With standbys only once they are there: else nothing would be acknowledged.
    const promise = servers > 1 ? `synchronous_standby_names = '${standbys}'\n${more}` : more
    await writeFile(join(set.data(1), 'pg_hba.conf'), `${ACCESS.join('\n')}\n`)
    set.restart(1)
    await set.sql(1, `create role ${MEMBER.user} login password '${MEMBER.password}'`)
    await set.sql(1, `grant create on database postgres to ${MEMBER.user}`)
    for (let i = 2; i <= servers; i++) await set.#copyOf(i, 1, promise)
    if (servers > 1) {
      await set.sql(1, `alter system set synchronous_standby_names = '${standbys}'`)
      await set.sql(1, 'select pg_reload_conf()')
      await set.sql(1, 'create table ready ()')
    }
    return set
  }

  data(server: number): string {
    return join(this.#folder, 'all', `p${server}`)
  }

  url(set: string, user: string = 'probe'): string {
    const hosts = this.ports.map((port) => `127.0.0.1:${port}`)
    return `postgres://${user}@${hosts.join()}/postgres?set=${set}`
  }

  async sql(server: number, text: string): Promise<Record<string, unknown>[]> {
    const port = this.ports[server - 1]!
    const client = new Client({ host: '127.0.0.1', port, user: 'probe', database: 'postgres' })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Record<string, unknown>>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** Ends a server as a crash does. Its children end by themselves. */
  async kill(server: number): Promise<void> {
    process.kill(await this.#pid(server), 'SIGKILL')
  }

  /** Stops all processes of a server where they are. What is returned continues them. */
  async freeze(server: number): Promise<() => void> {
    const rows = await this.sql(
      server,
      'select pid from pg_stat_activity where pid <> pg_backend_pid()',
    )
    const pids = [await this.#pid(server), ...rows.map(({ pid }) => Number(pid))]
    const send = (signal: NodeJS.Signals): void => {
      for (const pid of pids) {
        try {
          process.kill(pid, signal)
        } catch {
          // It has ended meanwhile.
        }
      }
    }
    send('SIGSTOP')
    return () => send('SIGCONT')
  }

  /** Ends a server at once; it recovers at the next start. */
  stopNow(server: number): void {
    this.#run('pg_ctl', '-D', this.data(server), '-m', 'immediate', '-w', 'stop')
  }

  restart(server: number): void {
    const log = join(this.#folder, 'all', `p${server}.log`)
    this.#run('pg_ctl', '-D', this.data(server), '-l', log, '-w', 'start')
  }

  /** The standby that has most of what a primary wrote: that one is promoted. */
  async newest(standbys: readonly number[]): Promise<number> {
    const text = "select pg_last_wal_receive_lsn() - '0/0'::pg_lsn as bytes"
    const got = await Promise.all(
      standbys.map(async (server) => Number((await this.sql(server, text))[0]!['bytes'])),
    )
    return standbys[got.indexOf(Math.max(...got))]!
  }

  promote(server: number): void {
    this.#run('pg_ctl', '-D', this.data(server), '-w', 'promote')
  }

  async stop(): Promise<void> {
    for (let i = 1; i <= this.ports.length; i++) {
      this.#try('pg_ctl', '-D', this.data(i), '-m', 'immediate', '-w', 'stop')
    }
    await rm(this.#folder, { recursive: true })
  }

  async #configure(server: number, more: string): Promise<void> {
    const lines = [
      `port = ${this.ports[server - 1]}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = ''`,
      'max_connections = 200',
      'shared_buffers = 32MB',
      'wal_level = replica',
      'max_wal_senders = 10',
      'hot_standby = on',
      `cluster_name = 's${server}'`,
      more,
    ]
    await appendFile(join(this.data(server), 'postgresql.conf'), `${lines.join('\n')}\n`)
  }

  async #copyOf(server: number, primary: number, more: string = ''): Promise<void> {
    const port = `${this.ports[primary - 1]}`
    const from = ['-h', '127.0.0.1', '-p', port, '-U', 'probe']
    this.#run('pg_basebackup', ...from, '-D', this.data(server), '-X', 'stream', '-c', 'fast', '-N')
    await this.#configure(server, more)
    await this.follow(server, primary)
    this.restart(server)
  }

  /** The server becomes a standby of another one, when it is started next. */
  async follow(server: number, primary: number): Promise<void> {
    const port = this.ports[primary - 1]
    const info = `host=127.0.0.1 port=${port} user=probe application_name=s${server}`
    await appendFile(
      join(this.data(server), 'postgresql.auto.conf'),
      `primary_conninfo = '${info}'\nrecovery_target_timeline = 'latest'\n`,
    )
    await appendFile(join(this.data(server), 'standby.signal'), '')
  }

  /** A server that was ended becomes an empty standby of this primary, and starts. */
  async rejoin(server: number, primary: number): Promise<void> {
    await rm(this.data(server), { recursive: true, force: true })
    await this.#copyOf(server, primary)
  }

  async #pid(server: number): Promise<number> {
    const text = await readFile(join(this.data(server), 'postmaster.pid'), 'utf8')
    return Number(text.split('\n')[0])
  }

  #try(program: string, ...args: readonly string[]): string | undefined {
    const options = { ...this.#owner, cwd: '/', stdio: 'ignore' } as const
    const { status } = spawnSync(join(this.#programs, program), args, options)
    return status === 0 ? undefined : `${program} ${args.join(' ')} ended with ${status}`
  }

  #run(program: string, ...args: readonly string[]): void {
    const fault = this.#try(program, ...args)
    if (fault !== undefined) throw new Error(fault)
  }
}
