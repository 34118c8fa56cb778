/** Servers of PostgreSQL that may forget: members do not start there, and `doctor` says why. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { Place, type Outcome } from '../../cli/command.ts'
import type { Report } from '../../doors/clients/report.ts'
import { freePort } from '../../free-port.ts'
import type { Engine } from '../engine.ts'
import { MEMBER, PostgresSet } from '../journals/postgres-set.ts'

const EXIT_INCOMPATIBLE = 5
const EXIT_DENIED = 6
const EXIT_PROBLEMS = 8

interface Unfit {
  /** What an administrator sets there. */
  readonly sets: readonly string[]
  readonly message: RegExp
  readonly hint: RegExp
  readonly finding: string
  readonly exit: number
  readonly password?: string
}

const UNFIT: readonly Unfit[] = [
  {
    sets: ['fsync = off'],
    message: /the server has fsync = off, and needs on/,
    hint: /set fsync = on in postgresql\.conf/,
    finding: 'set-engine-unfit',
    exit: EXIT_INCOMPATIBLE,
  },
  {
    sets: ['fsync = on', 'full_page_writes = off'],
    message: /full_page_writes = off, and needs on/,
    hint: /set full_page_writes = on/,
    finding: 'set-engine-unfit',
    exit: EXIT_INCOMPATIBLE,
  },
  {
    sets: ['full_page_writes = on', 'synchronous_commit = off'],
    message: /no synchronous_standby_names/,
    hint: /set synchronous_standby_names = /,
    finding: 'set-engine-unfit',
    exit: EXIT_INCOMPATIBLE,
  },
  {
    sets: [],
    password: 'not-this-password',
    message: /password authentication failed/,
    hint: /state a user/,
    finding: 'set-engine-denied',
    exit: EXIT_DENIED,
  },
]

export async function testUnfit(bucket: Engine, programs: string, report: Report): Promise<void> {
  await report.test('R012-84 postgres: a server that may forget is refused', async () => {
    const ends: (() => unknown)[] = []
    try {
      const servers = await PostgresSet.start(programs, { servers: 1 })
      ends.push(() => servers.stop())
      const place = new Place({ teardown: (end) => void ends.push(end) })
      const url = servers.url('unfit', MEMBER.user)
      const member = new UnfitMember(bucket, url, place, await freePort())
      for (const unfit of UNFIT) {
        for (const text of unfit.sets) await servers.sql(1, `alter system set ${text}`)
        await servers.sql(1, 'select pg_reload_conf()')
        await member.isRefused(unfit)
      }
    } finally {
      for (const end of ends.toReversed()) await end()
    }
  })
}

class UnfitMember {
  readonly #place: Place
  readonly #environment: Readonly<Record<string, string>>

  /** As a start would have saved them that came before the server was changed. */
  readonly #settings: object

  constructor(bucket: Engine, engine: string, place: Place, port: number) {
    this.#place = place
    this.#environment = bucket.environment
    this.#settings = {
      role: 'global',
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      engine,
      bucket: bucket.newPlace(),
      bucketEndpoint: bucket.endpoint,
      setKey: place.file('set.key'),
    }
  }

  async isRefused({ message, hint, finding, exit, password }: Unfit): Promise<void> {
    const secret = password ?? MEMBER.password
    const env = { ...this.#environment, DSTORE_ENGINE_PASSWORD: secret }
    const run = (...args: readonly string[]): Promise<Outcome> => this.#place.run(args, { env })
    const { path, config } = stateDirectory(this.#place.state)
    await mkdir(path, { recursive: true, mode: 0o700 })
    await writeFile(config, JSON.stringify(this.#settings), { mode: 0o600 })
    const ended = await run('daemon')
    assert.equal(ended.exit, exit, ended.stderr)
    assert.match(ended.stderr, message)
    assert.match(ended.stderr, hint)
    const examined = await run('doctor', '--json')
    const said = examined.stdout.toString()
    assert.equal(examined.exit, EXIT_PROBLEMS, said + examined.stderr)
    const { findings } = JSON.parse(said) as { findings: readonly Finding[] }
    const found = findings.find(({ id }) => id === finding)
    assert.ok(found !== undefined, said)
    assert.match(found.found, message)
    assert.match(found.remedy ?? '', hint)
    for (const text of [ended.stderr, ended.stdout.toString(), said, examined.stderr]) {
      assert.ok(!text.includes(secret), 'the password is told')
    }
  }
}

interface Finding {
  readonly id: string
  readonly found: string
  readonly remedy?: string
}
