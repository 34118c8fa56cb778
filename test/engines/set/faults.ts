/**
 * Faults of a set under load (specs/012-set.md): what is acknowledged stays, no put fails, every
 * read of a held value succeeds, no Local starts anew, and writing goes on soon.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Socket, connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { connect } from '../../../src/dstore.ts'
import type { Report } from '../../doors/clients/report.ts'
import { say } from '../daemons.ts'
import type { Engine } from '../engine.ts'
import { eventually } from '../journals/processes.ts'
import type { JournalEngine } from './engines.ts'
import { Load } from './load.ts'
import { type Member, type SetDrill, withSet } from './set-drill.ts'

export const IS_FULL: boolean = process.env['DSTORE_SET_ROUNDS'] === 'full'
const rounds = (full: number, few: number): number => (IS_FULL ? full : few)

const KILLS = rounds(20, 2)
const BOTH = rounds(5, 1)
const FREEZES = rounds(10, 1)
const STOPS = rounds(5, 1)
const STEP_DOWNS = rounds(5, 1)
const FREEZE_MS = 5000
/** Until what it had sent before has arrived. */
const FROZEN_FIRST_MS = 500
const ANSWER_MS = 5000
/** Longer than an active member and its Locals wait for an engine, one after the other. */
const AWAY_MS = 30_000
/** What passes between two faults. */
const CALM_MS = 2000
const ENDED_BY_SIGTERM = 143

const MAJORITY = 'the majority of the engine is away'

interface Bars {
  readonly median?: number
  readonly worst: number
}

interface Fault {
  readonly title: string
  readonly rounds: number
  readonly bars: Bars
  /** Breaks something; resolves when all is as before but for what supervisors do. */
  readonly strike: (drill: SetDrill, active: Member, held: string) => Promise<void>
}

const FAULTS: readonly Fault[] = [
  {
    title: 'kills of the active member',
    rounds: KILLS,
    bars: { median: 5500, worst: 8000 },
    strike: async (drill, active) => {
      active.kill()
      await active.running.end
      await drill.active()
    },
  },
  {
    title: 'freezes of the active member',
    rounds: FREEZES,
    bars: { worst: 8000 },
    strike: freeze,
  },
  {
    title: 'SIGTERM of the active member',
    rounds: STOPS,
    bars: { worst: 1500 },
    strike: async (drill, active) => {
      const { running } = active
      active.kill('SIGTERM')
      const { exit } = await running.end
      assert.equal(exit, ENDED_BY_SIGTERM, running.stderr)
      await drill.active()
    },
  },
  {
    title: 'step-downs',
    rounds: STEP_DOWNS,
    bars: { worst: 1500 },
    strike: async (drill, active) => {
      const { exit, stderr } = await active.running.run(['set', 'step-down'])
      assert.equal(exit, 0, stderr)
      assert.notEqual(await drill.active(), active)
    },
  },
  {
    title: 'kills of the active member and of the leader of the journal',
    rounds: BOTH,
    bars: { worst: 15_000 },
    strike: async (drill, active) => {
      active.kill()
      const back = await drill.journal.killLeader(drill.set)
      await drill.active()
      await sleep(CALM_MS)
      await back()
    },
  },
  {
    title: 'losses of the leader of the journal alone',
    rounds: BOTH,
    bars: { worst: 15_000 },
    strike: async (drill) => {
      const back = await drill.journal.killLeader(drill.set)
      await drill.active()
      await sleep(CALM_MS)
      await back()
    },
  },
]

/** It wakes after another took over: it gives no answer, and its process ends. */
async function freeze(drill: SetDrill, active: Member, held: string): Promise<void> {
  const { running } = active
  const socket = await Asked.connect(running.place.state)
  // The same question has an answer while it is active: else the check below would show nothing.
  socket.ask(held)
  await eventually(ANSWER_MS, () => socket.answered('HTTP/1.1 200'))
  active.kill('SIGSTOP')
  await sleep(FROZEN_FIRST_MS)
  socket.forget()
  // These lie in the buffer of a connection it knows, and of one that waits, until it wakes.
  socket.ask(held)
  const late = await Asked.connect(running.place.state)
  late.ask(held)
  await sleep(FREEZE_MS - FROZEN_FIRST_MS)
  active.kill('SIGCONT')
  const { exit } = await running.end
  assert.notEqual(exit, 0, running.stderr)
  for (const { said } of [socket, late]) {
    assert.ok(!said.includes('HTTP/1.1 200'), `the woken process answered: ${said.slice(0, 300)}`)
  }
  socket.close()
  late.close()
  await drill.active()
}

/** A connection to the socket of a daemon, by which a test asks without waiting for answers. */
class Asked {
  said = ''
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes) => (this.said += bytes.toString('latin1')))
    // The process ends under it.
    socket.on('error', () => undefined)
  }

  static async connect(state: string): Promise<Asked> {
    const socket = connectSocket(stateDirectory(state).socket)
    await once(socket, 'connect')
    return new Asked(socket)
  }

  ask(key: string): void {
    this.#socket.write(`GET /v1/values/${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  }

  async answered(start: string): Promise<void> {
    await Promise.resolve()
    if (!this.said.startsWith(start)) throw new Error(`no such answer: ${this.said.slice(0, 300)}`)
  }

  forget(): void {
    this.said = ''
  }

  close(): void {
    this.#socket.destroy()
  }
}

export async function testFaults(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
  wanted: readonly string[],
): Promise<void> {
  for (const [index, fault] of FAULTS.entries()) {
    if (wanted.length > 0 && !wanted.some((word) => `${fault.title}.`.includes(word))) continue
    await report.test(`${journal.name}: ${fault.rounds} ${fault.title}`, () =>
      withSet(bucket, journal, `f${index}`, (drill) => suffer(drill, fault)),
    )
  }
  if (wanted.length > 0 && !wanted.some((word) => MAJORITY.includes(word))) return
  await report.test(`${journal.name}: ${MAJORITY}`, () =>
    withSet(bucket, journal, 'majority', loseMajority),
  )
}

async function suffer(drill: SetDrill, { rounds: count, bars, strike }: Fault): Promise<void> {
  const load = await Load.start(drill)
  const gaps: number[] = []
  for (let round = 0; round < count; round++) {
    const active = await drill.whole()
    await load.flows(performance.now())
    await sleep(CALM_MS)
    const since = performance.now()
    await strike(drill, active, load.held[0]!)
    await load.flows(performance.now())
    gaps.push(load.gap(since))
  }
  await load.stop()
  const sorted = gaps.toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]!
  const worst = sorted.at(-1)!
  say(`gap: median ${seconds(median)}, worst ${seconds(worst)} of ${count}`)
  await finish(drill, load)
  assert.deepEqual(load.failures, [])
  // A shared machine stretches times: they are told, and judged by people.
  const isMet = median <= (bars.median ?? Infinity) && worst <= bars.worst
  if (!isMet) say(`over the bar: ${JSON.stringify(bars)}`)
}

/** Writes wait, then fail with `unreachable`; held values are read; all goes on by itself. */
async function loseMajority(drill: SetDrill): Promise<void> {
  const load = await Load.start(drill)
  await load.flows(performance.now())
  const back = await drill.journal.killMajority(drill.set)
  const reads = load.reads
  await sleep(AWAY_MS)
  assert.ok(load.reads - reads > AWAY_MS / 100, 'held values were hardly read')
  await back()
  const since = performance.now()
  await load.flows(since)
  say(`goes on ${seconds(performance.now() - since)} after the engine`)
  await finish(drill, load)
  const refused = load.failures.filter(({ code }) => code === 'unreachable')
  assert.ok(refused.length > 0, 'writes waited, and none was refused')
  for (const failure of load.failures) {
    assert.ok(['unreachable', 'timeout'].includes(failure.code), JSON.stringify(failure))
    assert.ok(!failure.what.startsWith('read'), JSON.stringify(failure))
  }
}

/** Ends the load, and reads back at the Locals and at every member in its turn. */
async function finish(drill: SetDrill, load: Load): Promise<void> {
  await load.stop()
  const { acknowledged, removed, cut, reads, failures } = load
  say(
    `${acknowledged.length} puts, ${removed.size} removals, ${cut} cut, ${reads} reads of held values; ${failures.length} failed`,
  )
  await drill.whole()
  await load.checkAll(drill.locals)
  const seen = new Set<Member>()
  while (seen.size < drill.members.length) {
    const active = await drill.whole()
    seen.add(active)
    const node = await connect({ dir: active.place.state })
    try {
      await load.checkAll([{ name: active.name, node }])
    } finally {
      await node.close()
    }
    if (seen.size === drill.members.length) break
    active.kill('SIGTERM')
    await eventually(60_000, async () => {
      if (seen.has(await drill.active())) throw new Error('no other member took over')
    })
  }
  load.checkNoReset()
  await drill.checkSecrets()
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
