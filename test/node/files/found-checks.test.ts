/** Files of an earlier boot, and how many are verified at once. */
import { test } from '../../serial.ts'
import { setImmediate as turn } from 'node:timers/promises'
import { KIB } from '../../../src/limits.ts'
import type { CachedFile } from '../../../src/node/files/cached-file.ts'
import { FoundChecks } from '../../../src/node/files/found-checks.ts'
import { DstoreError } from '../../../src/errors.ts'
import { codeOf, sample } from './tier.ts'

const { key, bytes } = sample(KIB)

/** A file of an earlier boot; `reading` tells when it is read. */
class FoundFile {
  readonly key = key
  readonly size = bytes.byteLength
  readonly isWhole = false
  readonly aborter = new AbortController()
  readonly dropped = this.aborter.signal
  isUnchecked = true
  readonly #reading: (change: 1 | -1) => void

  constructor(reading: (change: 1 | -1) => void) {
    this.#reading = reading
  }

  checkNotRemoved(): void {
    this.dropped.throwIfAborted()
  }

  use(): () => void {
    this.#reading(1)
    return () => this.#reading(-1)
  }

  foundRuns(): { start: number; end: number }[] {
    return [{ start: 0, end: this.size }]
  }

  async readData(into: Uint8Array): Promise<number> {
    await turn()
    into.set(bytes)
    return into.byteLength
  }

  async readPairs(): Promise<number> {
    return 0
  }

  confirm(): void {
    this.isUnchecked = false
  }
}

test('R003-148 at most eight files are verified at once, and all of them in the end', async (t) => {
  let reading = 0
  let most = 0
  const count = (change: 1 | -1): void => {
    reading += change
    most = Math.max(most, reading)
  }
  const files = Array.from({ length: 40 }, () => new FoundFile(count))
  const checks = new FoundChecks(undefined, () => undefined)
  const check = (file: FoundFile): Promise<void> => checks.check(file as unknown as CachedFile, {})
  const last = files.at(-1)!
  const waiting = [...files.slice(0, -1).map(check), codeOf(() => check(last))]
  // A removal ends the wait at once.
  last.aborter.abort(new DstoreError('removed', 'the value was removed'))
  t.is(await waiting.at(-1), 'removed')
  t.true(files.filter(({ isUnchecked }) => isUnchecked).length > 16, 'others still wait')
  await Promise.all(waiting)
  t.is(most, 8)
  t.deepEqual(
    files.map(({ isUnchecked }) => isUnchecked),
    files.map((file) => file === last),
  )
  t.is(reading, 0)
})
