/**
 * A Local that is killed at random moments of fetching into files on a disk. Now and then a byte of
 * what it left is changed before the next start. A few kills here, fifty and more with
 * `npm run test:faults`.
 */
import { chmodSync, closeSync, openSync, readSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { KIB, MIB } from '../../../src/limits.ts'
import { eventually } from '../../eventually.ts'
import { Daemon } from '../../e2e/nodes.ts'
import { openPath, Refused } from './opened-path.ts'
import { bytesBelow, bytesOf, filesBelow, putRandom, type TestValue } from './values.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 5)
const MAX_LIFE_MS = 700
const SIZES = [1, 40 * KIB, 300 * KIB, MIB + 7, 2 * MIB, 3 * MIB, 3 * MIB, 5 * MIB, 6 * MIB]
const BUDGET = 14 * MIB
const ARGS = ['--cache', '8MiB', '--cache-dir', 'files', '--cache-dir-size', `${BUDGET}`]

/** What is beside the values: bitfields, outboards, facts, and blocks that are part full. */
const BESIDE = MIB

const one = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)]!

/** Fetches by one way or another until the daemon is gone; throws if it gives other bytes. */
async function fetchAlways(local: Daemon, values: readonly TestValue[]): Promise<void> {
  try {
    for (;;) await fetchOnce(local, one(values))
  } catch (error) {
    if (error instanceof DstoreError && ['unreachable', 'protocol'].includes(error.code)) return
    if (error instanceof Refused || !(error instanceof Error)) throw error
    // The daemon was killed before it could answer.
    const { code } = error as { readonly code?: string }
    const isKill = /daemon (ended|serves)|no daemon/.test(error.message)
    if (!isKill && !['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE'].includes(String(code))) {
      throw error
    }
  }
}

async function fetchOnce(local: Daemon, { key, bytes }: TestValue): Promise<void> {
  const way = Math.random()
  try {
    if (way < 0.3) return void (await local.ask((client) => client.prefetch(key)))
    if (way < 0.6) return (await openPath(local, key)).close()
  } catch (error) {
    // Others use all the room that there is.
    const { code } = error as { readonly code?: unknown }
    if (code !== 'no-space' && code !== 'too-large') throw error
  }
  if (!(await bytesOf(local, key)).equals(bytes)) throw new TypeError(`${key} is wrong`)
}

/** Changes a byte of a file of the tier, and returns its name; undefined if there is none. */
function harm(folder: string): string | undefined {
  const large = [...filesBelow(folder)].filter(([, size]) => size >= 256 * KIB)
  if (large.length === 0) return undefined
  const [name] = one(large)
  const path = join(folder, name)
  chmodSync(path, 0o600)
  const fd = openSync(path, 'r+')
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, 1000)
  writeSync(fd, Buffer.of(byte[0]! ^ 1), 0, 1, 1000)
  closeSync(fd)
  chmodSync(path, 0o400)
  return basename(name)
}

test(`R003-146, R003-148, R003-149: a Local is killed ${KILLS} times while it fetches into files: it serves no wrong byte, and leaves nothing behind`, async (t) => {
  t.timeout(KILLS * 120_000)
  const global = await Daemon.start(t, ['--global'])
  const values: TestValue[] = []
  for (const size of SIZES) values.push(await putRandom(global, size))
  let local = await Daemon.join(t, global, ARGS)
  const folder = local.place.file('files')
  let harmed = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const workers = Array.from({ length: 4 }, () => fetchAlways(local, values))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_LIFE_MS))
    t.true(bytesBelow(folder) <= BUDGET + BESIDE, 'within its budget while it fetches')
    await local.signal('SIGKILL')
    await Promise.all(workers)
    const changed = kill % 2 === 1 ? harm(folder) : undefined
    if (changed !== undefined) harmed++
    local = await Daemon.start(t, ARGS, local.place)
    // What could not be found again is deleted in the background.
    t.true(
      await eventually((saw) => saw(bytesBelow(folder)) <= BUDGET + BESIDE),
      'within its budget',
    )
    // A path first: what a read finds damaged is fetched again.
    const { key, bytes } = values.find((value) => value.key === changed) ?? one(values.slice(2))
    const opened = await openPath(local, key)
    const found = Buffer.alloc(bytes.byteLength)
    const fd = openSync(opened.path, 'r')
    t.is(readSync(fd, found, 0, found.byteLength, 0), bytes.byteLength)
    closeSync(fd)
    t.true(found.equals(bytes), 'by path')
    opened.close()
    for (const value of values) {
      t.true((await bytesOf(local, value.key)).equals(value.bytes), `after kill ${kill + 1}`)
    }
  }
  // No value is held now, so a file of one would be an orphan.
  for (const { key } of values) await local.ask((client) => client.evict(key))
  t.true(
    await eventually((saw) => saw(bytesBelow(folder)) < 64 * KIB),
    JSON.stringify([...filesBelow(folder)]),
  )
  t.log(`${harmed} files were changed between a kill and the next start`)
})
