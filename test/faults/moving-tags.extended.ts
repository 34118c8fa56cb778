/**
 * Tags that several clients move, at a Global that is killed at random moments: a few times here,
 * thirty times with `DSTORE_KILLS=30`.
 */
import { join } from 'node:path'
import { once } from '../../src/bytes.ts'
import { Client } from '../../src/daemon/client/client.ts'
import { DstoreError } from '../../src/errors.ts'
import { Daemon } from '../e2e/nodes.ts'
import { test } from '../serial.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 4)
const MAX_LIFE_MS = 1200
const WORKERS = 6
const SHARED = 'moving/shared'

/** A move that was asked for. Every target is a value of its own. */
interface Move {
  readonly key: string
  answered: boolean
}

/** What one client asked for, in order: of its own tag, and of the one that all move. */
interface Worker {
  readonly own: Move[]
  readonly shared: Move[]
}

const tagOf = (worker: number): string => `moving/worker-${worker}`

/** Where a client calls, and for how long. */
interface Work {
  readonly socket: string
  readonly id: number
  readonly run: number
  readonly isOver: () => boolean
}

/**
 * Moves until the daemon is gone, or Global was killed. By turns a put moves the tag, and a call on
 * a stored key.
 */
async function work({ socket, id, run, isOver }: Work, worker: Worker): Promise<void> {
  const client = await Client.connect(socket)
  if (client === undefined) return
  try {
    for (let round = 0; !isOver(); round++) {
      const name = round % 2 === 0 ? tagOf(id) : SHARED
      const bytes = Buffer.from(`${id} ${run} ${round}`)
      const { key } = await client.putBytes(once(bytes), undefined, {
        name: `moving/kept/${id}/${run}/${round}`,
      })
      const move: Move = { key, answered: false }
      const moves = round % 2 === 0 ? worker.own : worker.shared
      moves.push(move)
      if (round % 3 === 0) {
        await client.putBytes(once(bytes), undefined, { name, naming: { kind: 'tag' } })
      } else await client.tags.move(name, key)
      move.answered = true
    }
  } catch (error) {
    // The daemon was killed. Any other error fails the test.
    if (error instanceof DstoreError && ['unreachable', 'protocol'].includes(error.code)) return
    throw error
  } finally {
    client.close()
  }
}

async function historyOf(client: Client, tag: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of client.tags.history(tag)) keys.push(key)
  return keys
}

/** What is wrong with the history of a tag that one client alone moved. */
function faultsOfOwn(history: readonly string[], moves: readonly Move[]): string[] {
  if (history.length === 0) return moves.some(({ answered }) => answered) ? ['not bound'] : []
  const places = history.map((key) => moves.findIndex((move) => move.key === key)).toReversed()
  const [oldest = 0] = places
  const later = moves.flatMap(({ answered }, at) => (answered && at >= oldest ? [at] : []))
  return [
    ...(places.includes(-1) ? ['a target that was never asked for'] : []),
    ...(places.some((at, i) => i > 0 && at <= places[i - 1]!) ? ['out of order'] : []),
    ...later.filter((at) => !places.includes(at)).map((at) => `an answered move is lost: ${at}`),
  ]
}

test(`R004-119, R004-125, R004-126: tags that are moved at a Global, kill -9, ${KILLS} times`, async (t) => {
  t.timeout(KILLS * 120_000)
  const workers = Array.from({ length: WORKERS }, (): Worker => ({ own: [], shared: [] }))
  let global = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, global)
  const socketOf = ({ place }: Daemon): string => join(place.state, 'dstore.sock')
  const answered = (): number =>
    workers.flatMap(({ own, shared }) => [...own, ...shared]).filter((move) => move.answered).length
  const isReal = (): boolean => answered() > 10 * KILLS
  // On a busy machine little is done between two kills: then there are more of them.
  for (let kill = 0; kill < KILLS || (!isReal() && kill < 4 * KILLS); kill++) {
    let isKilled = false
    const isOver = (): boolean => isKilled
    // Every other client calls a Local, which repeats what was cut off when Global is back.
    const working = workers.map((worker, id) => {
      const socket = socketOf(id % 2 === 0 ? global : local)
      return work({ socket, id, run: kill, isOver }, worker)
    })
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * MAX_LIFE_MS))
    await global.signal('SIGKILL')
    isKilled = true
    global = await Daemon.start(t, [], global.place)
    await Promise.all(working)
    const client = (await Client.connect(socketOf(global)))!
    try {
      for (const [id, { own }] of workers.entries()) {
        const history = await historyOf(client, tagOf(id)).catch(() => [])
        t.deepEqual(faultsOfOwn(history, own), [], `after kill ${kill + 1}`)
        if (history.length === 0) continue
        // The tag leads to its newest target, whose bytes are there.
        const { key } = await client.lookup(tagOf(id), true)
        t.is(key, history[0]!)
        t.true((await client.get(tagOf(id))).size > 0)
      }
      // Each client's moves of the shared tag stand in the order in which it made them.
      const history = (await historyOf(client, SHARED).catch(() => [])).toReversed()
      t.is(new Set(history).size, history.length, 'no move was done twice')
      for (const { shared } of workers) {
        const places = history
          .map((one) => shared.findIndex(({ key }) => key === one))
          .filter((at) => at >= 0)
        t.deepEqual(
          places,
          [...new Set(places)].toSorted((a, b) => a - b),
        )
      }
      const all = workers.flatMap(({ shared }) => shared)
      t.true(history.every((one) => all.some(({ key }) => key === one)))
      if (all.some(({ answered }) => answered)) t.true(history.length > 0)
    } finally {
      client.close()
    }
  }
  const moves = workers.reduce((sum, { own, shared }) => sum + own.length + shared.length, 0)
  t.log(`${answered()} moves were answered, ${moves - answered()} were cut off`)
  t.true(isReal(), 'the load was real')
})
