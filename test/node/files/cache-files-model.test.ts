/**
 * The tier of files in whatever state: the budget holds, readers see the value's bytes, and the
 * folder has the files of what is listed and no others.
 */
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { existsSync, rmSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { DstoreError } from '../../../src/errors.ts'
import { GROUP_BYTES, SEGMENT_BYTES } from '../../../src/limits.ts'
import type { FileHold, FileValue } from '../../../src/node/files/file-tier.ts'
import { inTemporary } from '../../store/temporary.ts'
import { codeOf, filesBelow, open, read, receive, sample, type Opened } from './tier.ts'

const SIZES = [0, 1, GROUP_BYTES + 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES + 9]
const SAMPLES = SIZES.map((size, i) => sample(size, i))
const BUDGET_BYTES = 3.5 * SEGMENT_BYTES

const ACTIONS = [
  ['fetch', 'fetch', 'part', 'read', 'use', 'release'] as const,
  ['hold', 'unhold', 'evict', 'remove', 'reserve', 'free'] as const,
  ['move', 'restart', 'kill', 'damage'] as const,
].flat()

interface Held {
  readonly hold: FileHold
  readonly value: FileValue
  isEnded: boolean
}

class Model {
  readonly directory: string
  readonly #users: { readonly value: FileValue; readonly release: () => void }[] = []
  readonly #holds: Held[] = []
  readonly #reserved: (() => void)[] = []
  /** Those that were removed, at the incarnation that was. */
  #incarnation = 1
  #opened!: Opened

  constructor(directory: string) {
    this.directory = directory
  }

  async start(): Promise<void> {
    this.#opened = await open(this.directory, BUDGET_BYTES)
    for (const value of this.#opened.tier.values()) value.isVoid = false
  }

  /** What is wrong after this; undefined if nothing is. */
  async act(what: (typeof ACTIONS)[number], at: number, pick: number): Promise<string | undefined> {
    const { tier } = this.#opened
    const one = SAMPLES[at]!
    const size = one.bytes.byteLength
    const value = tier.get(one.key)
    switch (what) {
      case 'fetch':
      case 'part': {
        const to = tier.prepare(one.key, size, value?.incarnation ?? this.#incarnation)
        if (to === undefined) break
        const start = what === 'part' ? Math.min(size, (pick % 2) * SEGMENT_BYTES) : 0
        const end = what === 'part' ? Math.min(size, start + SEGMENT_BYTES) : size
        const release = to.use()
        if (tier.claim(to, { start, end }) && (start < end || size === 0)) {
          if (to.isUnchecked) await tier.check(to).catch(() => undefined)
          if (!to.isWhole && tier.peek(one.key) === to) await receive(to, one, { start, end })
        }
        tier.settle(to)
        release()
        break
      }
      case 'read':
        return value && this.#read(value, at)
      case 'use':
        if (value !== undefined) this.#users.push({ value, release: value.use() })
        break
      case 'release':
        for (const { release } of this.#users.splice(pick, 1)) release()
        break
      case 'hold':
        if (value?.isWhole === true && !value.isUnchecked) {
          const hold = await tier.hold(value).catch(() => undefined)
          if (hold !== undefined) this.#holds.push({ hold, value, isEnded: false })
        }
        break
      case 'unhold':
        for (const { hold } of this.#holds.splice(pick, 1)) hold.release()
        break
      case 'evict':
        tier.evict(one.key)
        for (const held of this.#holds) if (held.value === value) held.isEnded = true
        break
      case 'remove':
        tier.remove(one.key)
        this.#incarnation++
        for (const held of this.#holds) {
          if (held.value !== value) continue
          held.isEnded = true
          if (!held.hold.removed.aborted) return 'a removal left a hold'
        }
        break
      case 'reserve': {
        const release = tier.reserve((1 + pick) * GROUP_BYTES * 8)
        if (release !== undefined) this.#reserved.push(release)
        break
      }
      case 'free':
        for (const release of this.#reserved.splice(pick, 1)) release()
        break
      case 'move':
        tier.moveAway(new DstoreError('not-permitted', 'no member any more'))
        for (const held of this.#holds) held.isEnded = true
        break
      case 'restart':
      case 'kill':
        if (what === 'restart') await tier.close()
        this.#forget()
        await this.start()
        break
      case 'damage':
        if (value?.path !== undefined) rmSync(value.path, { force: true })
        for (const held of this.#holds) if (held.value === value) held.isEnded = true
        break
    }
    return undefined
  }

  /** What is wrong; undefined if nothing is. */
  wrong(): string | undefined {
    const { tier, budget } = this.#opened
    if (budget.usedBytes > BUDGET_BYTES) return `${budget.usedBytes} bytes are charged`
    const files = [...filesBelow(this.directory).keys()]
    // Unfinished files are sparse.
    const bytes = files.reduce((sum, path) => sum + statSync(path).blocks * 512, 0)
    if (bytes > tier.status().usedBytes) return `${bytes} bytes of files`
    const listed = new Set([...tier.values()].map(({ key }) => key.toString()))
    for (const path of files) {
      if (!path.startsWith(tier.folder)) return `an orphan: ${path}`
      if (!listed.has(basename(path).split('.')[0]!)) return `not listed: ${path}`
    }
    for (const { hold, isEnded } of this.#holds) {
      if (!isEnded && !existsSync(hold.path)) return `a held file is gone: ${hold.path}`
    }
    return undefined
  }

  async end(): Promise<void> {
    this.#forget()
    await this.#opened.tier.close()
  }

  #forget(): void {
    for (const { release } of this.#users.splice(0)) release()
    for (const { hold } of this.#holds.splice(0)) hold.release()
    for (const release of this.#reserved.splice(0)) release()
  }

  async #read(value: FileValue, at: number): Promise<string | undefined> {
    const { bytes } = SAMPLES[at]!
    for (const { start, end } of value.held.held()) {
      let got: Buffer | undefined
      const code = await codeOf(async () => {
        got = await read(value, { start, end })
      })
      if (code !== undefined && code !== 'integrity') return `a read failed: ${code}`
      if (got !== undefined && Buffer.compare(got, bytes.subarray(start, end)) !== 0) {
        return 'wrong bytes'
      }
    }
    return undefined
  }
}

test('whatever is fetched, held, removed, moved, killed and damaged: bytes, files and budget are right', async (t) => {
  const step = fc.record({
    what: fc.constantFrom(...ACTIONS),
    at: fc.nat(SIZES.length - 1),
    pick: fc.nat(3),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) =>
      inTemporary(async (directory) => {
        const model = new Model(directory)
        await model.start()
        try {
          for (const { what, at, pick } of steps) {
            const wrong = (await model.act(what, at, pick)) ?? model.wrong()
            if (wrong !== undefined) throw new Error(`${what} ${at}: ${wrong}`)
          }
        } finally {
          await model.end()
        }
      }),
    ),
    { numRuns: 60 },
  )
  t.pass()
})
