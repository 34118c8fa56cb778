/** Writers and readers of a set under drill, and what they were told. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { asDstoreError } from '../../../src/errors.ts'
import type { Dstore } from '../../../src/dstore.ts'
import { eventually } from '../journals/processes.ts'
import type { LocalNode, SetDrill } from './set-drill.ts'

const WRITERS = 8
const HELD = 8
const HELD_BYTES = 40_000
const READ_PAUSE_MS = 20
/** Of the values: from those in the records up to those that are objects. */
const SIZES = [20, 500, 9000, 40_000]
/** Every so many puts: one of a file, a removal, an unbinding. */
const FILE_EVERY = 10
const REMOVE_EVERY = 7

interface Failure {
  readonly what: string
  readonly code: string
  readonly message: string
  readonly tookMs: number
}

interface Put {
  readonly key: string
  readonly name: string | undefined
}

export class Load {
  /** Puts that were acknowledged and not removed again, by key. */
  readonly kept: Map<string, Put> = new Map()
  /** Keys whose removal was acknowledged. */
  readonly removed: Set<string> = new Set()
  readonly failures: Failure[] = []
  /** When puts were acknowledged, by `performance.now()`. */
  readonly acknowledged: number[] = []
  reads = 0
  readonly #drill: SetDrill
  readonly #over = new AbortController()
  readonly #working: Promise<void>[] = []
  readonly #folder: string
  readonly #resets = new Map<string, number>()

  private constructor(drill: SetDrill, folder: string) {
    this.#drill = drill
    this.#folder = folder
  }

  static async start(drill: SetDrill): Promise<Load> {
    const { locals } = drill
    const load = new Load(drill, locals[0]!.running.place.path)
    for (const local of locals) load.#resets.set(local.name, resetsOf(local))
    const held: string[] = []
    while (held.length < HELD) {
      const { key } = await locals[0]!.node.put(randomBytes(HELD_BYTES))
      held.push(key.toString())
    }
    for (const local of locals) {
      for (const key of held) await local.node.get(key).then((value) => value.bytes())
      load.#working.push(load.#read(local, held))
    }
    // Before the processes end and the folders go, whatever the drill came to.
    drill.teardown(() => load.stop())
    for (let i = 0; i < WRITERS; i++) {
      load.#working.push(load.#write(locals[i % locals.length]!.node, i))
    }
    return load
  }

  /** Ends all calls when they are done. */
  async stop(): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#working)
  }

  /** The longest time without an acknowledged put, from shortly before `since` until `until`. */
  gap(since: number, until: number = performance.now()): number {
    const times = this.acknowledged.filter((at) => at >= since - 1000 && at <= until)
    let longest = 0
    let last = since - 1000
    for (const at of [...times, until]) {
      longest = Math.max(longest, at - Math.max(last, since - 1000))
      last = at
    }
    return longest
  }

  /** Waits until puts are acknowledged again after `since`. */
  async flows(since: number, ms: number = 60_000): Promise<void> {
    await eventually(ms, async () => {
      const now = this.acknowledged.filter((at) => at > since).length
      await Promise.resolve()
      if (now < FLOWING) throw new Error('no put is acknowledged')
    })
  }

  /** Nothing acknowledged is missing or came back at any node that answers. */
  async checkAll(
    nodes: readonly { readonly name: string; readonly node: Dstore }[],
  ): Promise<void> {
    const kept = [...this.kept.values()]
    for (const { name, node } of nodes) {
      const keys = kept.map(({ key }) => key)
      const there = await node.hasMany(keys)
      const lost = keys.filter((_, index) => there[index] !== true)
      assert.deepEqual(lost, [], `${name}: ${lost.length} of ${keys.length} acknowledged are lost`)
      const gone = [...this.removed]
      const back = (await node.hasMany(gone)).filter((is) => is).length
      assert.equal(back, 0, `${name}: ${back} removed values are back`)
      const bound = new Map<string, string>()
      for await (const entry of node.names('drill/')) {
        if ('name' in entry) bound.set(entry.name, String(entry.key))
      }
      for (const { key, name: own } of kept) {
        if (own !== undefined) assert.equal(bound.get(own), key, `${name}: ${own} is not bound`)
      }
    }
  }

  checkNoReset(): void {
    for (const local of this.#drill.locals) {
      assert.equal(resetsOf(local), this.#resets.get(local.name), `${local.name} was reset`)
    }
  }

  async #write(node: Dstore, writer: number): Promise<void> {
    const mine: Put[] = []
    const path = join(this.#folder, `file-${writer}`)
    for (let i = 0; !this.#over.signal.aborted; i++) {
      const bytes = randomBytes(SIZES[i % SIZES.length]!)
      const name = i % 2 === 0 ? `drill/${writer}-${i}` : undefined
      const naming = name === undefined ? {} : { name }
      const isFile = i % FILE_EVERY === FILE_EVERY - 1
      if (isFile) await writeFile(path, bytes)
      const put = await this.#call(isFile ? 'put of a file' : `put of ${bytes.byteLength}`, () =>
        node.put(isFile ? { path } : bytes, naming),
      )
      if (put !== undefined) {
        this.acknowledged.push(performance.now())
        const one = { key: put.key.toString(), name }
        this.kept.set(one.key, one)
        mine.push(one)
      }
      if (i % REMOVE_EVERY !== REMOVE_EVERY - 1 || mine.length === 0) continue
      const gone = mine.splice(Math.floor(Math.random() * mine.length), 1)[0]!
      // From here on until the answer it may be there or not.
      this.kept.delete(gone.key)
      const removed = await this.#call('removal', () => removeTwice(node, gone.key))
      if (removed !== undefined) this.removed.add(gone.key)
    }
  }

  async #read({ name, node }: LocalNode, held: readonly string[]): Promise<void> {
    for (let i = 0; !this.#over.signal.aborted; i++) {
      const key = held[i % held.length]!
      await this.#call(`read at ${name}`, async () => {
        const value = await node.get(key)
        const bytes = await value.bytes()
        assert.equal(bytes.byteLength, HELD_BYTES)
      })
      this.reads++
      await sleep(READ_PAUSE_MS)
    }
  }

  async #call<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
    const began = performance.now()
    try {
      return await call()
    } catch (error) {
      const { code, message } = asDstoreError(error)
      this.failures.push({ what, code, message, tookMs: Math.round(performance.now() - began) })
      await sleep(AFTER_FAILURE_MS)
      return undefined
    }
  }
}

/** One that may have been done is not repeated by the Local (R004-28), but by who asked for it. */
async function removeTwice(node: Dstore, key: string): Promise<unknown> {
  const remove = (): Promise<unknown> => node.remove(key, { force: true })
  try {
    return await remove()
  } catch (error) {
    if (!/may or may not have been done/.test(asDstoreError(error).message)) throw error
    return remove()
  }
}

const FLOWING = 16
const AFTER_FAILURE_MS = 250

/** How often a Local checked all that it holds: once at its first start, then after each reset. */
const resetsOf = ({ running }: LocalNode): number =>
  running.stderr.split('this Local checks what it holds').length
