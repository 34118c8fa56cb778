/** When the overlay is written, what a failing disk does, and who is let in meanwhile. */
import type { ExecutionContext } from 'ava'
import {
  OVERLAY_BYTES,
  OVERLAY_FLUSH_MS,
  OVERLAY_GENERATION_BYTES,
} from '../../../../src/limits.ts'
import { Database } from '../../../../src/store/disk/records/database.ts'
import { Flusher } from '../../../../src/store/disk/replica/flusher.ts'
import { Overlay } from '../../../../src/store/disk/replica/overlay.ts'
import { test } from '../../../serial.ts'
import { keyOf, text } from '../../conformance/suite.ts'
import { inTemporary } from '../../temporary.ts'
import { Entries, applyEntry } from './replica.ts'

/** A database whose transactions wait, and fail, on demand. */
class SlowDatabase extends Database {
  /** Set to fail at the beginning, in the middle, or at the end of a transaction. */
  failing: 'first' | 'write' | 'commit' | undefined
  /** Set to hold transactions up. */
  holding: Promise<void> = Promise.resolve()
  transactions = 0

  override async transact<T>(run: () => T): Promise<T> {
    this.transactions++
    await this.holding
    if (this.failing === 'first') throw new Error('the disk failed')
    const result = await super.transact(() => {
      const written = run()
      if (this.failing === 'write') throw new Error('the disk failed')
      return written
    })
    // LMDB can report that a commit failed although its writes are visible.
    if (this.failing === 'commit') throw new Error('the disk failed')
    return result
  }
}

class Scene {
  readonly entries: Entries = new Entries()
  readonly overlay: Overlay
  readonly flusher: Flusher
  readonly flushed: number[] = []
  readonly faults: Error[] = []
  readonly timers: { readonly ms: number; readonly run: () => void }[] = []
  readonly database: SlowDatabase

  constructor(database: SlowDatabase) {
    this.database = database
    this.overlay = new Overlay(database)
    this.flusher = new Flusher({
      overlay: this.overlay,
      database,
      after: (ms, run) => {
        const timer = { ms, run }
        this.timers.push(timer)
        return () =>
          void (this.timers.includes(timer) && this.timers.splice(this.timers.indexOf(timer), 1))
      },
      onFlushed: (position) => this.flushed.push(position),
      faultOf: async (cause) => new Error('fault', { cause }),
      onFailed: (fault) => this.faults.push(fault),
    })
  }

  /** An entry that writes a row of this many bytes. */
  put(id: string, bytes = 10, times = 1): void {
    const change = { conditions: [], writes: [{ key: keyOf(id), value: new Uint8Array(bytes) }] }
    const nothing = { increments: [], adopt: [], release: [] }
    const one = { type: 'transaction', ...change, ...nothing, entry: text(id) } as const
    const changes = Array.from({ length: times }, () => one)
    applyEntry(this.overlay, this.entries.add({ kind: 'changes', changes }))
    this.flusher.onApplied()
  }

  fill(bytes: number): void {
    for (let i = 0; this.overlay.bytes < bytes; i++) this.put(`fill ${i}`, 200_000)
  }

  /** Runs the only timer. */
  elapse(t: ExecutionContext, ms: number): void {
    t.deepEqual(
      this.timers.map((timer) => timer.ms),
      [ms],
    )
    this.timers.splice(0)[0]!.run()
  }

  /** Waits for something that needs no timer. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 10_000
    while (!holds() && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve))
  }
}

async function inScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  await inTemporary(async (directory) => {
    const database = new SlowDatabase(directory)
    try {
      await run(new Scene(database))
    } finally {
      await database.close()
    }
  })
}

const failed = { message: 'fault' }

test('R005-123: changes are written after a while, or once they are many', async (t) => {
  await inScene(async (scene) => {
    const { overlay, database, flushed } = scene
    scene.put('a')
    scene.put('b')
    t.is(database.transactions, 0)
    scene.elapse(t, OVERLAY_FLUSH_MS)
    await scene.until(() => flushed.length > 0)
    t.deepEqual(flushed, [2])
    t.deepEqual(scene.timers, [])
    t.is(overlay.bytes, 0)
    t.is(overlay.oldest, undefined)
    t.is(database.row(keyOf('b'))?.version, 2)
    t.like(database.tally(), { position: 2, lastSeq: 2 })
    scene.put('c', OVERLAY_GENERATION_BYTES - 100_000)
    t.is(database.transactions, 1)
    scene.put('d', 100_000)
    await scene.until(() => flushed.length > 1)
    t.deepEqual(flushed, [2, 4])
    t.is(database.transactions, 2)
  })
})

test('R005-123: an entry without changes is written with the next one', async (t) => {
  await inScene(async (scene) => {
    applyEntry(scene.overlay, scene.entries.add({ kind: 'heartbeat' }))
    scene.flusher.onApplied()
    t.deepEqual(scene.timers, [])
    scene.put('a')
    scene.elapse(t, OVERLAY_FLUSH_MS)
    await scene.until(() => scene.flushed.length > 0)
    t.deepEqual(scene.flushed, [2])
  })
})

test('R005-122: each generation is written alone, with its own position', async (t) => {
  await inScene(async (scene) => {
    const { database } = scene
    let release = (): void => undefined
    database.holding = new Promise((resolve) => (release = resolve))
    scene.fill(3 * OVERLAY_GENERATION_BYTES)
    await scene.until(() => database.transactions > 0)
    t.is(database.transactions, 1)
    t.is(scene.overlay.rows('keys', { limit: 100 }).length, scene.entries.all.length)
    release()
    await scene.until(() => scene.flushed.length === 2)
    t.deepEqual(scene.flushed, [6, 12])
    scene.elapse(t, OVERLAY_FLUSH_MS)
    await scene.until(() => scene.flushed.length === 3)
    t.deepEqual(scene.flushed, [6, 12, scene.entries.all.length])
  })
})

test('R005-123: what is asked for is written at once; what comes meanwhile is written next', async (t) => {
  await inScene(async (scene) => {
    scene.put('a')
    const flushing = scene.flusher.flush()
    await scene.until(() => scene.database.transactions > 0)
    scene.put('b')
    const again = scene.flusher.flush()
    await flushing
    t.deepEqual(scene.flushed, [1])
    await again
    t.deepEqual(scene.flushed, [1, 2])
    await scene.flusher.flush()
    t.is(scene.database.transactions, 2)
    t.is(scene.flusher.flushed, 2)
  })
})

for (const point of ['first', 'write', 'commit'] as const) {
  test(`R005-122, R005-124: a write that fails loses nothing and is tried again (${point})`, async (t) => {
    await inScene(async (scene) => {
      const { database, overlay, flusher } = scene
      scene.put('a')
      scene.put('b')
      database.failing = point
      await t.throwsAsync(flusher.flush(), failed)
      t.is(flusher.fault, scene.faults[0])
      t.deepEqual(scene.flushed, [])
      const seen = (): unknown => [
        overlay.rows('keys', { limit: 9 }).map(({ version }) => version),
        overlay.entries(0, 9).map(({ seq }) => seq),
        overlay.tally().position,
      ]
      t.deepEqual(seen(), [[1, 2], [1, 2], 2])
      scene.put('c')
      // Twice as long after each failure; neither new changes nor those who wait shorten it.
      scene.elapse(t, 100)
      await scene.until(() => scene.faults.length === 2)
      t.deepEqual(seen(), [[1, 2, 3], [1, 2, 3], 3])
      database.failing = undefined
      scene.elapse(t, 200)
      await scene.until(() => scene.flushed.length === 2)
      t.deepEqual(scene.flushed, [2, 3])
      t.is(flusher.fault, undefined)
      t.deepEqual(seen(), [[1, 2, 3], [1, 2, 3], 3])
      t.deepEqual(
        database.entries(0, 9).map(({ seq }) => seq),
        [1, 2, 3],
      )
      t.like(database.tally(), { position: 3, lastSeq: 3 })
    })
  })
}

test('R005-124: attempts become rarer, up to one in 5 s; a demand does not wait', async (t) => {
  await inScene(async (scene) => {
    scene.database.failing = 'first'
    scene.put('a')
    await t.throwsAsync(scene.flusher.flush(), failed)
    for (const ms of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      const { length } = scene.faults
      await scene.until(() => scene.timers.length > 0)
      scene.elapse(t, ms)
      await scene.until(() => scene.faults.length > length)
    }
    await scene.until(() => scene.timers.length > 0)
    scene.database.failing = undefined
    await scene.flusher.flush()
    t.deepEqual(scene.flushed, [1])
    t.deepEqual(scene.timers, [])
  })
})

test('R005-125: a full overlay refuses with the fault; what frees has a reserve', async (t) => {
  await inScene(async (scene) => {
    const { flusher, database } = scene
    database.failing = 'first'
    scene.fill(OVERLAY_BYTES - OVERLAY_BYTES / 8 - 300_000)
    t.is(flusher.admit(true), undefined)
    scene.fill(OVERLAY_BYTES - OVERLAY_BYTES / 8)
    await scene.until(() => scene.faults.length > 0)
    await t.throwsAsync(async () => flusher.admit(true), failed)
    t.is(flusher.admit(false), undefined)
    scene.fill(OVERLAY_BYTES)
    await t.throwsAsync(async () => flusher.admit(false), failed)
    // Nobody waits for this one: the process must not end by it.
    t.not(flusher.admit(false), undefined)
    await new Promise((resolve) => setImmediate(resolve))
    t.is(scene.overlay.rows('keys', { limit: 1000 }).length, scene.overlay.count('keys'))
    database.failing = undefined
    await flusher.flush()
    t.is(scene.flushed.at(-1), scene.entries.all.length)
    t.is(flusher.admit(true), undefined)
  })
})

test('R005-125: while the disk is only slow, a full overlay makes callers wait', async (t) => {
  await inScene(async (scene) => {
    const { flusher, database } = scene
    let release = (): void => undefined
    database.holding = new Promise((resolve) => (release = resolve))
    scene.fill(OVERLAY_BYTES)
    const waiting = [true, false].map((adds) => flusher.admit(adds))
    let room = false
    const one = waiting[1]!.then(() => (room = true))
    await scene.until(() => database.transactions > 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.false(room)
    release()
    await Promise.all([...waiting, one])
    t.is(flusher.admit(false), undefined)
    await flusher.flush()
    t.is(flusher.admit(true), undefined)
  })
})

test('R005-125: who waits for room learns of a fault', async (t) => {
  await inScene(async (scene) => {
    const { flusher, database } = scene
    let release = (): void => undefined
    database.holding = new Promise((resolve) => (release = resolve))
    scene.fill(OVERLAY_BYTES)
    const waiting = flusher.admit(false)
    database.failing = 'first'
    release()
    await t.throwsAsync(async () => waiting, failed)
  })
})

test('R005-126: entries that were trimmed are gone at once, and deleted bit by bit', async (t) => {
  await inScene(async (scene) => {
    const { database, overlay, flusher } = scene
    scene.put('a', 10, 10_000)
    await flusher.flush()
    t.is(overlay.entries(0, 20_000).length, 10_000)
    const changes = [{ type: 'trim', upto: 9_990 } as const]
    applyEntry(overlay, scene.entries.add({ kind: 'changes', changes }))
    flusher.onApplied()
    const left = (): number[] => overlay.entries(0, 20_000).map(({ seq }) => seq)
    t.deepEqual(left(), [9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999, 10_000])
    const { transactions } = database
    await flusher.flush()
    t.is(database.tally().trimmed, 9990)
    // The process may end now: the next one sees as little.
    t.true(database.entries(0, 20_000).length > 9000)
    t.is(new Overlay(database).entries(0, 20_000).length, 10)
    await scene.until(() => database.entries(0, 20_000).length === 10)
    // 512, then twice 4096, then what is left.
    t.is(database.transactions - transactions, 4)
    t.is(left().length, 10)
  })
})

test('R005-127: what gives up writes nothing more', async (t) => {
  await inScene(async (scene) => {
    const { flusher, database } = scene
    database.failing = 'first'
    scene.put('a')
    await t.throwsAsync(flusher.flush(), failed)
    await scene.until(() => scene.timers.length > 0)
    await flusher.abandon()
    t.deepEqual(scene.timers, [])
    t.is(database.transactions, 1)
  })
})

test('R005-127: closing writes everything, or says why not', async (t) => {
  await inScene(async (scene) => {
    scene.put('a')
    await scene.flusher.close()
    t.deepEqual(scene.flushed, [1])
    t.deepEqual(scene.timers, [])
  })
  await inScene(async (scene) => {
    scene.put('a')
    scene.database.failing = 'write'
    await t.throwsAsync(scene.flusher.close(), failed)
    t.deepEqual(scene.timers, [])
    t.is(scene.database.row(keyOf('a')), undefined)
  })
})
