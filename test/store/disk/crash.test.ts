/** `kill -9` at random moments, again and again, over one directory that grows older. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { test } from '../../serial.ts'
import { SMALL_VALUE_BYTES } from '../../../src/limits.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { keyOf, readAll, text } from '../conformance/suite.ts'
import { valueOf } from './processes/value.ts'
import { inTemporary } from '../temporary.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 4)
const MAX_LIFE_MS = 600

/** Values that live on from one process to the next. */
const KEPT = 50

/** What the killed processes told: sizes of what was put, and what was begun and not answered. */
interface Told {
  readonly present: Map<string, number>
  readonly unsure: Map<string, number>
  answered: number
  /** Files of values that no record named. */
  orphans: number
}

function hear(line: string, told: Told): void {
  const [word, ...rest] = line.split(' ') as [string, ...string[]]
  if (word === 'ready') {
    assert.deepEqual(rest, ['0', '0'], 'the last opening left nothing to clear away')
    return
  }
  const [act, id, size] = word === 'done' ? rest : [word, ...rest]
  if (word !== 'done') {
    told.unsure.set(id!, act === 'put' ? Number(size) : told.present.get(id!)!)
    told.present.delete(id!)
    return
  }
  told.answered++
  told.unsure.delete(id!)
  if (act === 'put') told.present.set(id!, Number(size))
}

/** Run a process on the directory, and kill it after so many milliseconds of work. */
async function runAndKill(
  directory: string,
  run: number,
  lifeMs: number,
  told: Told,
): Promise<void> {
  const path = fileURLToPath(new URL('processes/killed-process.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [path, directory, `${run}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('close', (_code, signal) => resolve(signal))
  })
  let timer: NodeJS.Timeout | undefined
  for await (const line of createInterface({ input: child.stdout! })) {
    // From the first line on, so that some are killed while they begin.
    timer ??= setTimeout(() => child.kill('SIGKILL'), lifeMs)
    hear(line, told)
  }
  assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
}

/** Everything that was told is so; what was not is whole or not there. */
async function checkTold(directory: string, told: Told): Promise<void> {
  const store = await openDiskStore({ directory })
  try {
    assert.deepEqual(store.recovery.damaged, [])
    told.orphans += store.recovery.deletedFiles
    const rows = await store.scan('keys', { limit: 1_000_000 })
    const found = new Map<string, number>()
    for (const { id, value } of rows) {
      const [location, size] = Buffer.from(value).toString().split(' ') as [string, string]
      const name = Buffer.from(id).toString()
      found.set(name, Number(size))
      const bytes = await readAll(store, location, 0, Number(size))
      assert.equal(Buffer.compare(bytes, valueOf(name, Number(size))), 0, `${name} is whole`)
      const outboard = await store.outboard(location)
      assert.equal(Buffer.compare(outboard, valueOf(name, 64)), 0, `${name} has its outboard`)
    }
    for (const [id, size] of told.present) assert.equal(found.get(id), size, `${id} was answered`)
    for (const [id, size] of found) {
      assert.ok(told.present.has(id) || told.unsure.get(id) === size, `${id} was removed`)
    }
    const sizes = [...found.values()]
    const { values, valueBytes } = await store.usage()
    assert.equal(values, sizes.length)
    assert.equal(
      valueBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    )
    const files = sizes.filter((size) => size + 64 > SMALL_VALUE_BYTES).length
    assert.equal((await readdir(join(directory, 'store-v3', 'values'))).length, files)
    // What was in doubt is settled now. Then let it grow old, not large.
    for (const id of told.unsure.keys()) {
      if (found.has(id)) told.present.set(id, found.get(id)!)
    }
    told.unsure.clear()
    for (const { id, value } of rows.slice(KEPT)) {
      const [location] = Buffer.from(value).toString().split(' ') as [string]
      const writes = [{ key: keyOf(id), value: undefined }]
      const entry = text('remove')
      await store.commit({ conditions: [], writes, entry, release: [location] })
      told.present.delete(Buffer.from(id).toString())
    }
  } finally {
    await store.close()
  }
}

test(`R005-29, R005-30: kill -9, ${KILLS} times under load`, async (t) => {
  t.timeout(KILLS * 120_000)
  await inTemporary(async (directory) => {
    const told: Told = { present: new Map(), unsure: new Map(), answered: 0, orphans: 0 }
    for (let run = 0; run < KILLS; run++) {
      const lifeMs = Math.floor(Math.random() * MAX_LIFE_MS)
      await runAndKill(directory, run, lifeMs, told)
      await checkTold(directory, told)
    }
    const { answered, present, orphans } = told
    t.log(`${answered} changes were answered, ${present.size} values are there`)
    t.log(`${orphans} files were begun and deleted`)
    t.true(answered > KILLS, 'the load was real')
    if (KILLS > 50) t.true(orphans > 0, 'some were killed in the middle of a large put')
  })
})
