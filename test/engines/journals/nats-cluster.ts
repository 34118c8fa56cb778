/** Three servers of NATS on loopback, in a temporary folder, that a test kills as it likes. */
import type { ChildProcess } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import { DISK } from '../../disk.ts'
import { freePort } from '../../free-port.ts'
import { end, eventually, programAt, start } from './processes.ts'

export const natsServer = (): string | undefined => programAt('DSTORE_NATS_SERVER', 'nats-server')

export const SYSTEM = { user: 'system', password: 'secret-of-the-system' }
/** Of the members of a set. */
export const USER = { user: 'set', password: 'secret-of-nats' }

export interface NatsClusterOptions {
  /** Default: 3. One server is no cluster. */
  readonly servers?: number
  /** Default: `always`. */
  readonly sync?: string
  /** What JetStream gives to the account of the members. Default: no limit. */
  readonly account?: string
  /** More lines of the configuration. */
  readonly more?: string
}

/** What of the description of a stream is looked at. */
interface StreamOf {
  readonly cluster: {
    readonly leader: string
    readonly replicas: readonly { readonly name: string; readonly current: boolean }[]
  }
}

interface Server {
  readonly name: string
  readonly port: number
  readonly config: string
  process: ChildProcess
}

export class NatsCluster {
  readonly #program: string
  readonly #folder: string
  readonly #servers: Server[] = []

  private constructor(program: string, folder: string) {
    this.#program = program
    this.#folder = folder
  }

  static async start(program: string, options: NatsClusterOptions = {}): Promise<NatsCluster> {
    const folder = await mkdtemp(join(DISK, 'dstore-nats-'))
    const cluster = new NatsCluster(program, folder)
    const { servers = 3 } = options
    const ports: number[] = []
    while (ports.length < 2 * servers) ports.push(await freePort())
    const routes = ports.slice(servers).map((port) => `nats://127.0.0.1:${port}`)
    for (let i = 0; i < servers; i++) {
      const name = `n${i + 1}`
      const config = join(folder, `${name}.conf`)
      const [port, route] = [ports[i]!, ports[servers + i]!]
      const lines = configuration(folder, name, port, options)
      if (servers > 1) lines.push(clusterLine(route, routes))
      await writeFile(config, lines.join('\n'))
      cluster.#servers.push({ name, port, config, process: cluster.#run(config) })
    }
    await cluster.ready()
    return cluster
  }

  url(set: string, user: string = `${USER.user}:${USER.password}`): string {
    const hosts = this.#servers.map(({ port }) => `127.0.0.1:${port}`)
    return `nats://${user}@${hosts.join()}/${set}`
  }

  connect(): Promise<NatsConnection> {
    const servers = this.#servers.map(({ port }) => `127.0.0.1:${port}`)
    return connect({ servers, user: USER.user, pass: USER.password, timeout: 2000 })
  }

  /** Waits until JetStream answers. */
  async ready(): Promise<void> {
    await eventually(20_000, async () => {
      const connection = await this.connect()
      try {
        const answer = await connection.request('$JS.API.STREAM.NAMES', '', { timeout: 1000 })
        if (answer.json<{ error?: unknown }>().error !== undefined) throw new Error(answer.string())
      } finally {
        await connection.close()
      }
    })
  }

  /** The name of the server that leads the stream of this set, and of another one. */
  async roles(set: string): Promise<{ readonly leader: string; readonly follower: string }> {
    return eventually(20_000, async () => {
      const connection = await this.connect()
      try {
        const subject = `$JS.API.STREAM.INFO.dstore_${set}`
        const answer = await connection.request(subject, '', { timeout: 1000 })
        const { cluster } = answer.json<StreamOf>()
        return { leader: cluster.leader, follower: cluster.replicas[0]!.name }
      } finally {
        await connection.close()
      }
    })
  }

  /** Waits until every member of the stream has what its leader has. */
  async caughtUp(set: string): Promise<void> {
    await eventually(60_000, async () => {
      const connection = await this.connect()
      try {
        const subject = `$JS.API.STREAM.INFO.dstore_${set}`
        const answer = await connection.request(subject, '', { timeout: 1000 })
        const { cluster } = answer.json<StreamOf>()
        if (!cluster.replicas.every(({ current }) => current)) throw new Error('one is behind')
      } finally {
        await connection.close()
      }
    })
  }

  async kill(name: string): Promise<void> {
    await end(this.#server(name).process)
  }

  restart(name: string): void {
    const server = this.#server(name)
    server.process = this.#run(server.config)
  }

  /** Copies what the servers have, while they are down; what is returned puts it back so. */
  async backup(): Promise<() => Promise<void>> {
    const copy = (name: string): string => join(this.#folder, `${name}-kept`)
    const whileDown = async (each: (name: string) => Promise<void>): Promise<void> => {
      await Promise.all(this.names.map((name) => this.kill(name)))
      await Promise.all(this.names.map(each))
      for (const name of this.names) this.restart(name)
      await this.ready()
    }
    const replace = async (from: string, to: string): Promise<void> => {
      await rm(to, { recursive: true, force: true })
      await cp(from, to, { recursive: true })
    }
    await whileDown((name) => replace(join(this.#folder, name), copy(name)))
    return () => whileDown((name) => replace(copy(name), join(this.#folder, name)))
  }

  /** Stops or continues its process. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#server(name).process.kill(signal)
  }

  get names(): string[] {
    return this.#servers.map(({ name }) => name)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map(({ process }) => end(process)))
    await rm(this.#folder, { recursive: true })
  }

  #server(name: string): Server {
    return this.#servers.find((server) => server.name === name)!
  }

  #run(config: string): ChildProcess {
    return start(this.#program, ['-c', config, '-l', `${config}.log`])
  }
}

function configuration(
  folder: string,
  name: string,
  port: number,
  { sync = 'always', account = 'enabled', more = '' }: NatsClusterOptions,
): string[] {
  return [
    `server_name: ${name}`,
    `listen: 127.0.0.1:${port}`,
    `jetstream { store_dir: "${join(folder, name)}", max_mem: 64M, max_file: 4G, sync_interval: ${sync} }`,
    `accounts { SYS: { users: [{ user: ${SYSTEM.user}, password: ${SYSTEM.password} }] }`,
    `  SET: { jetstream: ${account}, users: [{ user: ${USER.user}, password: ${USER.password} }] } }`,
    'system_account: SYS',
    more,
  ]
}

const clusterLine = (port: number, routes: readonly string[]): string =>
  `cluster { name: set, listen: 127.0.0.1:${port}, routes: [${routes.join(', ')}] }`
