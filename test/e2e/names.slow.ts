import { test } from '../serial.ts'
import { mkdir } from 'node:fs/promises'
import { Client } from '../../src/daemon/client/client.ts'
import { hash } from '../../src/hash/hasher.ts'
import { encodeChange } from '../../src/index/records/change-record.ts'
import { encodeBinding, namedRow } from '../../src/index/records/name-record.ts'
import { encodeKey, keyRow, nameRow } from '../../src/index/records/record.ts'
import { openDiskStore } from '../../src/store/disk/disk.ts'
import { Place } from '../cli/command.ts'

const NAMES = 1_000_000
const FOLDERS = 1000
const BATCH = 1000

const nameOf = (i: number): string =>
  `cache/${String(i % FOLDERS).padStart(4, '0')}/${String(i).padStart(7, '0')}`

/** Rows of names of one key, whose value is never read. */
async function fill(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const store = await openDiskStore({ directory })
  const { digest } = hash(Buffer.from('x'))
  const boundMs = Date.now()
  const entry = encodeChange({ type: 'run-started', runId: new Uint8Array(16) }, boundMs)
  for (let at = 0; at < NAMES; at += BATCH) {
    const writes = Array.from({ length: BATCH }, (_, i) => [
      {
        key: nameRow(nameOf(at + i)),
        value: encodeBinding({ digest, directory: false, boundMs, size: at + i }),
      },
      { key: namedRow(digest, nameOf(at + i)), value: new Uint8Array(0) },
    ])
    await store.commit({ conditions: [], writes: writes.flat(), entry })
  }
  const key = { size: 1, location: 'small-1', names: NAMES, unnamed: false }
  await store.commit({
    conditions: [],
    writes: [{ key: keyRow(digest), value: encodeKey(key) }],
    entry,
  })
  await store.close()
}

const best = (times: readonly number[]): number => Math.min(...times)

test('R004-161 R007-314 lists of a million names cost what they print', async (t) => {
  const place = new Place(t)
  await fill(place.state)
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const began = performance.now()
    await work()
    return performance.now() - began
  }
  const ready = await timed(() => place.run(['start', '--standalone']))
  t.log(`start: ${ready.toFixed(0)} ms`)

  // In turns with a command that only starts: the machine may have other work.
  const floor: number[] = []
  const long: number[] = []
  for (let turn = 0; turn < 7; turn++) {
    floor.push(await timed(() => place.run(['--version'])))
    long.push(
      await timed(async () => {
        const { stdout } = await place.run(['ls', '-l', '--limit', '20', 'cache/0500/'])
        t.is(stdout.toString().split('\n').length, 21)
      }),
    )
  }
  t.log(`ls -l --limit 20: ${best(long).toFixed(0)} ms, --version: ${best(floor).toFixed(0)} ms`)
  t.true(best(long) - best(floor) < 100, `${best(long)} ms, floor ${best(floor)} ms`)

  const client = (await Client.connect(`${place.state}/dstore.sock`))!
  t.teardown(() => client.close())
  const count = async (items: AsyncIterable<unknown>): Promise<number> => {
    let found = 0
    for await (const _ of items) found++
    return found
  }
  const level: number[] = []
  const whole: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    level.push(await timed(async () => t.is(await count(client.lists.level('cache/')), FOLDERS)))
    whole.push(
      await timed(async () => t.true((await count(client.lists.nameLines('', false))) > 1)),
    )
  }
  t.log(`level of ${FOLDERS}: ${best(level).toFixed(0)} ms, all: ${best(whole).toFixed(0)} ms`)
  t.true(best(level) < best(whole) / 5)
  for (const [what, work] of [
    ['du', () => count(client.lists.usage('', '/'))],
    ['match *7', () => count(client.lists.names('', { match: '*7', limit: 50_000 }))],
    ['match none', () => count(client.lists.names('', { match: '*none' }))],
    ['df', () => client.lists.contents()],
    ['all as JSON', () => count(client.lists.nameLines('', true))],
  ] as const) {
    t.log(`${what}: ${(await timed(work)).toFixed(0)} ms`)
  }
})
