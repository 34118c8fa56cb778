/**
 * A disk that deletes when it likes: a value that is put again meanwhile is another file, and
 * stays.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { PIECE_BYTES } from '../../../src/limits.ts'
import { Global } from '../../../src/node/global/global.ts'
import { SILENT } from '../../../src/log.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { nodeFiles, type Files } from '../../../src/store/disk/files.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { copyOf } from '../../store/disk/copy.ts'
import { Nodes, once, read } from '../nodes.ts'

/** Deletions that wait until they are let go. */
class LateFiles {
  #waiting: (() => void)[] = []
  #isOver = false

  readonly files: Files = {
    ...nodeFiles,
    remove: async (path) => {
      if (path.includes('/values/') && !this.#isOver)
        await new Promise<void>((go) => this.#waiting.push(go))
      await nodeFiles.remove(path)
    },
  }

  get count(): number {
    return this.#waiting.length
  }

  /** Let the one that has waited longest go, or the latest. */
  letGo(latest: boolean): void {
    const go = latest ? this.#waiting.pop() : this.#waiting.shift()
    go?.()
  }

  /** Nothing waits any more, now or later. */
  letAllGo(): void {
    this.#isOver = true
    for (const go of this.#waiting.splice(0)) go()
  }
}

async function open(t: ExecutionContext, directory: string, files: Files): Promise<Global> {
  const store = await openDiskStore({ directory }, { files })
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  const now = (): number => performance.now()
  const node = await Global.open({
    store,
    network: undefined,
    gate: undefined,
    log: SILENT,
    now,
    wall: Date.now,
    random,
  })
  t.teardown(() => node.close())
  return node
}

const bytes = pattern(2 * PIECE_BYTES + 3)

test('R005-34: put, remove, put of one key, whenever the disk deletes', async (t) => {
  const schedule = fc.array(fc.constantFrom('cycle', 'oldest', 'latest'), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      const directory = await new Nodes(t).folder()
      const late = new LateFiles()
      const node = await open(t, directory, late.files)
      const { key } = await node.put({ bytes: once(bytes) })
      const removals: Promise<unknown>[] = []
      for (const step of steps) {
        if (step !== 'cycle') late.letGo(step === 'latest')
        else {
          removals.push(node.index.remove(key))
          const before = late.count
          await eventually(() => late.count !== before)
          const { existed } = await node.put({ bytes: once(bytes) })
          t.false(existed)
        }
        t.is(Buffer.compare(await read(node, key), bytes), 0, step)
      }
      // As after a power cut with deletions still to come.
      const copy = await new Nodes(t).folder()
      await copyOf(directory, copy)
      const again = await open(t, copy, nodeFiles)
      t.is(Buffer.compare(await read(again, key), bytes), 0)
      t.is((await readdir(join(copy, 'store-v3', 'values'))).length, 1)

      late.letAllGo()
      await Promise.all(removals)
      t.is(Buffer.compare(await read(node, key), bytes), 0)
      t.is((await readdir(join(directory, 'store-v3', 'values'))).length, 1)
      t.like((await node.status()).store, { values: 1, valueBytes: bytes.byteLength })
    }),
    { numRuns: 8 },
  )
})
