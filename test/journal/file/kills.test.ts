/** `kill -9` at random moments, again and again, over one directory that grows older. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openFileJournal } from '../../../src/journal/file/file-journal.ts'
import { Chain } from '../../../src/journal/chain.ts'
import { entryDigest } from '../../../src/journal/digest.ts'
import { decodeEntry } from '../../../src/journal/decode.ts'
import { DISK } from '../../disk.ts'
import { test } from '../../serial.ts'
import { readAll } from '../tools.ts'
import { changeOf, idOf } from './processes/change.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 4)
const MAX_LIFE_MS = 500

interface Told {
  /** By id: length, and position once it was answered. */
  readonly asked: Map<string, { readonly length: number; position: number | undefined }>
  answered: number
  /** The last position that any process was told of. */
  last: number
}

async function runAndKill(directory: string, lifeMs: number, told: Told): Promise<void> {
  const path = fileURLToPath(new URL('processes/killed-process.js', import.meta.url))
  const child = spawn(process.execPath, [path, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = new Promise((resolve) => child.on('close', (_code, signal) => resolve(signal)))
  let timer: NodeJS.Timeout | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    timer ??= setTimeout(() => child.kill('SIGKILL'), lifeMs)
    const [word, id, length, position] = line.split(' ') as [string, string, string, string]
    if (word === 'append') told.asked.set(id, { length: Number(length), position: undefined })
    if (word !== 'done') continue
    told.answered++
    told.asked.get(id)!.position = Number(position)
    told.last = Math.max(told.last, Number(position))
  }
  assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
}

/** Everything that was told is so, each once; what was not told is whole or not there. */
async function check(directory: string, told: Told): Promise<void> {
  const journal = await openFileJournal({ directory })
  try {
    const { first, last } = await journal.extent()
    assert.ok(last >= told.last, `${told.last} was answered, the journal ends at ${last}`)
    const found = new Map<string, number>()
    const entries = await readAll(journal, first - 1)
    const { head } = decodeEntry(entries[0]!)
    const chain = new Chain({ position: first - 1, digest: head.before })
    for (const entry of entries) {
      const { body, head } = chain.accept(entry)
      if (body.kind !== 'changes') continue
      for (const change of body.changes) {
        assert.ok(change.type === 'transaction')
        const id = idOf(change.entry!)
        assert.ok(!found.has(id), `${id} is there twice`)
        found.set(id, head.position)
        const { length } = told.asked.get(id)!
        assert.deepEqual(change, { ...changeOf(id, length), entry: change.entry })
        const expected = changeOf(id, length) as { entry: Uint8Array }
        assert.equal(Buffer.compare(change.entry!, expected.entry), 0)
      }
    }
    assert.equal(Buffer.compare(chain.digest, entryDigest(entries.at(-1)!)), 0)
    for (const [id, { position }] of told.asked) {
      if (position === undefined || position < first) continue
      assert.equal(found.get(id), position, `${id} was answered`)
    }
    // What an opening found stays.
    told.last = last
  } finally {
    await journal.close()
  }
}

test(`R009-40, R009-43: kill -9, ${KILLS} times while it appends`, async (t) => {
  t.timeout(KILLS * 120_000)
  const parent = await mkdtemp(join(DISK, 'dstore-journal-'))
  try {
    const directory = join(parent, 'journal')
    const told: Told = { asked: new Map(), answered: 0, last: 0 }
    for (let run = 0; run < KILLS; run++) {
      await runAndKill(directory, Math.floor(Math.random() * MAX_LIFE_MS), told)
      await check(directory, told)
    }
    t.log(`${told.answered} changes were answered, the journal ends at ${told.last}`)
    t.true(told.answered > KILLS, 'the load was real')
  } finally {
    await rm(parent, { recursive: true })
  }
})
