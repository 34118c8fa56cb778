/**
 * Histories of 8 clients through faults, checked by `porcupine` (specs/012-set.md): values, fixed
 * names, and tags as Global has them, are linearizable. At a Local a tag never goes back, and its
 * own moves are seen there at once.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { asDstoreError } from '../../../src/errors.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import type { Dstore } from '../../../src/dstore.ts'
import { keyOf } from '../../../src/dstore.ts'
import type { Report } from '../../doors/clients/report.ts'
import { say } from '../daemons.ts'
import type { Engine } from '../engine.ts'
import type { JournalEngine } from './engines.ts'
import { type SetDrill, withSet } from './set-drill.ts'

const IS_FULL = process.env['DSTORE_SET_ROUNDS'] === 'full'
const HISTORIES = Number(process.env['DSTORE_HISTORIES'] ?? (IS_FULL ? 30 : 3))
const CALLS = 2000
const CLIENTS = 8
const REGISTERS = 12
const TARGETS = 128
const FAULT_AFTER_MS = 500
const FREEZE_MS = 5000
const AFTER_FAILURE_MS = 500

interface Call {
  readonly client: number
  readonly register: string
  readonly kind: 'set' | 'create' | 'clear' | 'remove' | 'read'
  readonly value: string
  readonly result: string
  readonly start: number
  readonly end: number
}

const SOURCE = fileURLToPath(
  new URL('../../../../test/engines/set/linearizability', import.meta.url),
)

export async function testHistories(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dstore-histories-'))
  try {
    const checker = join(folder, 'check')
    const built = spawnSync('go', ['build', '-o', checker, '.'], { cwd: SOURCE, encoding: 'utf8' })
    if (built.error !== undefined) {
      report.skipped('histories', 'Go is not installed')
      return
    }
    await report.test(`${journal.name}: ${HISTORIES} histories are linearizable`, async () => {
      assert.equal(built.status, 0, built.stderr)
      await withSet(bucket, journal, 'histories', async (drill) => {
        const targets = await putTargets(drill.locals[0]!.node)
        for (let round = 0; round < HISTORIES; round++) {
          const history = await record(drill, round, targets)
          const unknown = history.filter(({ end }) => end === -1).length
          say(`history ${round}: ${history.length} calls, ${unknown} without an outcome`)
          await check(checker, join(folder, `history-${round}.json`), history)
          await refuses(checker, join(folder, 'corrupted.json'), history)
        }
      })
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function check(checker: string, path: string, history: readonly Call[]): Promise<void> {
  await writeFile(path, history.map((call) => JSON.stringify(call)).join('\n'))
  const { status, stdout, stderr } = spawnSync(checker, [path], { encoding: 'utf8' })
  if (status === 0) return
  const kept = join(tmpdir(), `dstore-history-${process.pid}.json`)
  await writeFile(kept, history.map((call) => JSON.stringify(call)).join('\n'))
  assert.fail(`${stdout}${stderr} kept as ${kept}`)
}

/** The checker has teeth: a read of what was never written is found. */
async function refuses(checker: string, path: string, history: readonly Call[]): Promise<void> {
  const at = history.findIndex(({ kind, result }) => kind === 'read' && result !== '')
  assert.notEqual(at, -1, 'nothing was read')
  const corrupted = history.with(at, { ...history[at]!, result: 'never written' })
  await writeFile(path, corrupted.map((call) => JSON.stringify(call)).join('\n'))
  assert.equal(spawnSync(checker, [path]).status, 1, 'a corrupted history was accepted')
}

async function putTargets(node: Dstore): Promise<readonly string[]> {
  const items = Array.from({ length: TARGETS }, (_, i) => ({
    value: `target ${i}`,
    name: `target/${i}`,
  }))
  const outcomes = await node.putMany(items)
  return outcomes.map((outcome) => {
    if ('error' in outcome) throw outcome.error
    return outcome.key.toString()
  })
}

async function record(
  drill: SetDrill,
  round: number,
  targets: readonly string[],
): Promise<readonly Call[]> {
  const history: Call[] = []
  const over = new AbortController()
  const faults = strikeOnAndOn(drill, over.signal)
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const { running } = drill.locals[client % drill.locals.length]!
    const connection = await Client.connect(stateDirectory(running.place.state).socket)
    assert.ok(connection !== undefined)
    try {
      const one = new Caller({ client, connection, round, targets, history, phase: faults.count })
      while (!over.signal.aborted) await one.call()
    } finally {
      connection.close()
    }
  })
  const enough = async (): Promise<void> => {
    while (history.length < CALLS || faults.count() === 0) await sleep(50)
  }
  try {
    await Promise.race([enough(), faults.done, Promise.all(clients)])
  } finally {
    over.abort()
  }
  await Promise.all(clients)
  await faults.done
  await drill.whole()
  return history
}

interface CallerOptions {
  readonly client: number
  readonly connection: Client
  readonly round: number
  readonly targets: readonly string[]
  readonly history: Call[]
  /** How many faults are over. */
  readonly phase: () => number
}

const pick = (below: number): number => Math.floor(Math.random() * below)

/** One client: a call at a time, of any kind, on any register. */
class Caller {
  readonly #options: CallerOptions
  /** The index of the last target of its own tag that was acknowledged. */
  #moved = -1
  /** By tag, the index that was read last at this client's Local. */
  readonly #seen = new Map<string, number>()

  constructor(options: CallerOptions) {
    this.#options = options
  }

  async call(): Promise<void> {
    const { connection, round, phase, targets } = this.#options
    // Others after each fault: the checker tries all orders of calls without an outcome.
    const register = `${round}/${phase()}/${pick(REGISTERS)}`
    const target = targets[pick(targets.length)]!
    const kind = pick(10)
    if (kind < 3) return this.#value(register)
    if (kind < 6) return this.#fixed(`fixed/${register}`, target)
    if (kind === 9) return this.#own()
    const name = `tag/${register}`
    if (kind === 6) {
      return this.#timed(name, 'set', target, async () => {
        await connection.tags.move(name, target)
        return 'ok'
      })
    }
    return this.#timed(name, 'read', '', async () => (await connection.lookup(name, true)).key)
  }

  async #value(register: string): Promise<void> {
    const { connection } = this.#options
    const bytes = Buffer.from(`value ${register}`)
    const key = keyOf(bytes).toString()
    const kind = pick(4)
    const name = `key/${register}`
    if (kind === 0) {
      return this.#timed(name, 'set', key, async () => {
        await connection.putMany([bytes])
        return 'ok'
      })
    }
    if (kind === 1) {
      return this.#timed(name, 'remove', '', async () => {
        await connection.remove(key, true)
        return 'ok'
      })
    }
    return this.#timed(name, 'read', '', async () => (await connection.facts(key)).key)
  }

  async #fixed(name: string, target: string): Promise<void> {
    const { connection } = this.#options
    const kind = pick(4)
    if (kind === 0) {
      return this.#timed(name, 'create', target, async () => {
        await connection.bind(name, target)
        return 'ok'
      })
    }
    if (kind === 1) {
      return this.#timed(name, 'clear', '', async () => {
        await connection.unbind(name, true)
        return 'ok'
      })
    }
    return this.#timed(name, 'read', '', async () => (await connection.lookup(name)).key)
  }

  /** Moves its own tag forward, or reads that of another client, at its Local. */
  async #own(): Promise<void> {
    const { client, connection, round, targets } = this.#options
    const whose = pick(2) === 0 ? client : pick(CLIENTS)
    const name = `own/${round}/${whose}`
    try {
      if (whose === client && pick(3) === 0 && this.#moved < targets.length - 1) {
        // Not known to be moved before the answer: a repeat moves it to the same target.
        await connection.tags.move(name, targets[this.#moved + 1]!)
        this.#moved++
        return
      }
      const least = Math.max(this.#seen.get(name) ?? -1, whose === client ? this.#moved : -1)
      const found = targets.indexOf((await connection.lookup(name)).key)
      assert.ok(found >= least, `${name} went back from ${least} to ${found}`)
      this.#seen.set(name, found)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      if (asDstoreError(error).code !== 'not-found') return
      assert.equal(this.#seen.has(name), false, `${name} is not there any more`)
    }
  }

  async #timed(
    register: string,
    kind: Call['kind'],
    value: string,
    call: () => Promise<string>,
  ): Promise<void> {
    const { client, history } = this.#options
    const start = now()
    let result = 'unknown'
    try {
      result = await call()
    } catch (error) {
      const { code } = asDstoreError(error)
      if (code === 'not-found') result = kind === 'read' ? '' : code
      else if (code === 'conflict') result = code
    }
    const end = result === 'unknown' ? -1 : now()
    // Many calls without an outcome would let the checker try all their orders.
    if (result === 'unknown') await sleep(AFTER_FAILURE_MS)
    // A read without an answer says nothing.
    if (result === 'unknown' && kind === 'read') return
    history.push({ client, register, kind, value, result, start, end })
  }
}

/** In microseconds. */
const now = (): number => Math.round(performance.now() * 1000)

/** One fault after the other until the signal, each of another kind. */
function strikeOnAndOn(
  drill: SetDrill,
  signal: AbortSignal,
): { readonly done: Promise<void>; readonly count: () => number } {
  let struck = 0
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const active = await drill.whole()
      await sleep(FAULT_AFTER_MS, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      const kind = struck % 3
      if (kind === 0) active.kill()
      else if (kind === 1) active.kill('SIGTERM')
      else {
        active.kill('SIGSTOP')
        await sleep(FREEZE_MS)
        active.kill('SIGCONT')
      }
      if (kind === 2) await active.running.end
      await drill.whole()
      struck++
    }
  }
  return { done: run(), count: () => struck }
}
