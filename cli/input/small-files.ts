/** Sends small files that are next to each other in one request (R007-39). */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { PutAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { BATCH_ITEMS, HTTP_BATCH_BYTES, INLINE_VALUE_BYTES } from '../../src/limits.ts'

export class SmallFiles {
  readonly #files: readonly string[]
  /** Answers for files that were stored before their turn, by index. */
  readonly #stored = new Map<number, PutAnswer>()

  constructor(files: readonly string[]) {
    this.#files = files
  }

  /** Store the file at `at` with the small files after it; undefined if it is large or has none. */
  async store(client: Client, at: number): Promise<PutAnswer | undefined> {
    if (!this.#stored.has(at)) {
      const values = this.#run(at)
      if (values.length < 2) return undefined
      const answers = await client.putMany(values)
      for (const [index, answer] of answers.entries()) this.#stored.set(at + index, answer)
    }
    const answer = this.#stored.get(at)
    this.#stored.delete(at)
    return answer
  }

  /** As many values as one request may carry, up to the first file that is large or unreadable. */
  #run(from: number): Uint8Array[] {
    const values: Uint8Array[] = []
    let bytes = 0
    for (const file of this.#files.slice(from, from + BATCH_ITEMS)) {
      const value = small(file)
      bytes += value?.byteLength ?? 0
      if (value === undefined || bytes > HTTP_BATCH_BYTES) break
      values.push(value)
    }
    return values
  }
}

/** Memory to read a small file, and to notice that it is larger. */
const buffer = new Uint8Array(INLINE_VALUE_BYTES + 1)

/** The bytes of a small regular file. A file that fails is reported at its own turn. */
function small(file: string): Uint8Array | undefined {
  try {
    const isRegular = file !== '-' && statSync(file).isFile()
    return isRegular ? readSmall(file) : undefined
  } catch {
    return undefined
  }
}

/** The file to its end, whatever its stated size; undefined if that is far, or it changes. */
function readSmall(file: string): Uint8Array | undefined {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const before = fstatSync(fd, { bigint: true })
    if (!before.isFile() || before.size > INLINE_VALUE_BYTES) return undefined
    let filled = 0
    while (filled < buffer.byteLength) {
      const bytes = readSync(fd, buffer, filled, buffer.byteLength - filled, null)
      if (bytes === 0) break
      filled += bytes
    }
    const after = fstatSync(fd, { bigint: true })
    const isChanged = after.size !== before.size || after.mtimeNs !== before.mtimeNs
    return isChanged || filled > INLINE_VALUE_BYTES ? undefined : buffer.slice(0, filled)
  } finally {
    closeSync(fd)
  }
}
