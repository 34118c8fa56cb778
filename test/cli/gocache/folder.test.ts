import { test } from '../../serial.ts'
import {
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { GoFolder, type LocalHit } from '../../../cli/gocache/folder.ts'
import { outputsFolder } from '../../../cli/gocache/place.ts'
import { trim } from '../../../cli/gocache/trim.ts'
import { temporaryDirectory } from '../../daemon/serving.ts'
import { sha256 } from './requests.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const newFolder = (t: ExecutionContext): GoFolder =>
  new GoFolder(join(temporaryDirectory(t), 'below', 'outputs'))

/** Keeps an output, bound to an action of this name. */
function keep(folder: GoFolder, name: string, bytes: Uint8Array, isStored = true): LocalHit {
  const body = folder.newOutput()
  for (let at = 0; at < bytes.byteLength; at += 50_000) body.write(bytes.subarray(at, at + 50_000))
  const { output, size } = body.end()
  folder.bind(sha256(name), { output, size, time: 1234, isStored })
  return folder.find(sha256(name))!
}

test('R010-43 what was kept is found, whatever its size', (t) => {
  const folder = newFolder(t)
  t.is(folder.find(sha256('none')), undefined)
  for (const size of [0, 1, 49_999, 262_144, 262_145, 1_000_000]) {
    const bytes = Buffer.alloc(size, `${size}`)
    const { path, ...entry } = keep(folder, `${size}`, bytes)
    t.deepEqual(entry, { output: sha256(bytes), size, time: 1234, isStored: true })
    t.true(readFileSync(path).equals(bytes))
    t.is(statSync(path).mode & 0o777, 0o600)
  }
  t.is(statSync(folder.path).mode & 0o777, 0o700)
  t.deepEqual(
    readdirSync(folder.path).filter((name) => name.startsWith('tmp-')),
    [],
  )
})

test('R010-43 one output of two actions is one file', (t) => {
  const folder = newFolder(t)
  const bytes = Buffer.alloc(300_000)
  t.is(keep(folder, 'one', bytes).path, keep(folder, 'two', bytes).path)
  t.is(folder.addedBytes, 300_000)
})

test('R010-43 a file that lost bytes is a miss, and so is a damaged entry', (t) => {
  const folder = newFolder(t)
  const { path } = keep(folder, 'one', Buffer.from('some bytes'))
  truncateSync(path, 4)
  t.is(folder.find(sha256('one')), undefined)
  const again = keep(folder, 'one', Buffer.from('some bytes'))
  t.is(readFileSync(again.path, 'utf8'), 'some bytes')
  const entry = join(folder.path, sha256('one').slice(0, 2), `${sha256('one')}-a`)
  for (const text of ['', '1 \n', `2 ${again.output} 10 0 1\n`, `1 ../../etc/passwd 10 0 1\n`]) {
    writeFileSync(entry, text)
    t.is(folder.find(sha256('one')), undefined, text)
  }
})

test('R010-42 an output of another SHA-256 is dropped', (t) => {
  const folder = newFolder(t)
  for (const size of [10, 300_000]) {
    const body = folder.newOutput()
    body.write(Buffer.alloc(size))
    t.throws(() => body.end(sha256('other')), { message: /SHA-256/ })
  }
  t.is(folder.addedBytes, 0)
  t.deepEqual(existsSync(folder.path) ? readdirSync(folder.path) : [], [])
})

test('R010-44 an entry becomes stored, unless it was bound to another output', (t) => {
  const folder = newFolder(t)
  const first = keep(folder, 'one', Buffer.from('first'), false)
  t.false(first.isStored)
  keep(folder, 'one', Buffer.from('second'), false)
  folder.markStored(sha256('one'), first.output)
  t.false(folder.find(sha256('one'))?.isStored)
  folder.markStored(sha256('one'), sha256('second'))
  t.true(folder.find(sha256('one'))?.isStored)
})

test('R010-43 a folder that cannot be written is a fault with a reason', (t) => {
  const folder = newFolder(t)
  keep(folder, 'one', Buffer.from('first'))
  rmSync(folder.path, { recursive: true })
  writeFileSync(folder.path, 'no folder')
  t.throws(() => keep(folder, 'two', Buffer.from('second')), { message: /cannot write to/ })
  t.is(folder.find(sha256('one')), undefined)
})

test('R010-43 so is one where the system makes none: Node would try without end below /proc', (t) => {
  const folder = new GoFolder('/proc/dstore-nowhere/outputs')
  t.throws(() => keep(folder, 'one', Buffer.from('first')), { message: /cannot write to/ })
})

/** Sets the time of the last use of an output and its action. */
function usedAt(folder: GoFolder, name: string, ms: number): void {
  const action = sha256(name)
  const entry = join(folder.path, action.slice(0, 2), `${action}-a`)
  const at = new Date(ms)
  for (const path of [entry, folder.find(action)!.path]) utimesSync(path, at, at)
}

test('R010-43 a use is noted once an hour', (t) => {
  const folder = newFolder(t)
  const { path } = keep(folder, 'one', Buffer.from('first'))
  const old = Date.now() - HOUR / 2
  utimesSync(path, new Date(old), new Date(old))
  folder.find(sha256('one'))
  t.true(statSync(path).mtimeMs < Date.now() - HOUR / 4)
  utimesSync(path, new Date(old - HOUR), new Date(old - HOUR))
  folder.find(sha256('one'))
  t.true(statSync(path).mtimeMs > Date.now() - HOUR / 4)
})

test('R010-46 what was not used for days goes, once a day', async (t) => {
  const folder = newFolder(t)
  keep(folder, 'new', Buffer.from('new'))
  const now = Date.now()
  t.true(await trim(folder.path, { maxBytes: 1000, addedBytes: 0 }))
  const { path } = keep(folder, 'old', Buffer.from('old'))
  usedAt(folder, 'old', now - 6 * DAY)
  t.false(await trim(folder.path, { maxBytes: 1000, addedBytes: 3 }))
  t.true(existsSync(path))
  t.true(await trim(folder.path, { maxBytes: 1000, addedBytes: 0, now: now + 1.1 * DAY }))
  t.false(existsSync(path))
  t.truthy(folder.find(sha256('new')))
})

test('R010-46 beyond the bound what was used least recently goes, and not what is in use', async (t) => {
  const folder = newFolder(t)
  const now = Date.now()
  const paths = new Map<string, string>()
  for (const [at, name] of ['a', 'b', 'c', 'd'].entries()) {
    paths.set(name, keep(folder, name, Buffer.alloc(1000, name)).path)
    usedAt(folder, name, now - (4 - at) * 2 * HOUR)
  }
  paths.set('now', keep(folder, 'now', Buffer.alloc(5000)).path)
  const left = (): string[] =>
    [...paths].filter(([, path]) => existsSync(path)).map(([name]) => name)
  await trim(folder.path, { maxBytes: 1_000_000, addedBytes: folder.addedBytes })
  // The bytes of actions count, too.
  t.false(await trim(folder.path, { maxBytes: 10_000, addedBytes: 0 }))
  t.true(await trim(folder.path, { maxBytes: 8_500, addedBytes: 0 }))
  t.deepEqual(left(), ['c', 'd', 'now'])
  t.true(await trim(folder.path, { maxBytes: 1, addedBytes: 0 }))
  t.deepEqual(left(), ['now'])
})

test('R010-46 what processes left behind goes', async (t) => {
  const folder = newFolder(t)
  keep(folder, 'one', Buffer.from('one'))
  const old = new Date(Date.now() - 6 * DAY)
  const left = join(folder.path, 'tmp-0123-0')
  writeFileSync(left, 'half')
  utimesSync(left, old, old)
  await trim(folder.path, { maxBytes: 1000, addedBytes: 0 })
  t.false(existsSync(left))
})

test('R010-43 the folder is in the XDG cache directory, one for each state directory', (t) => {
  const one = outputsFolder('/state/one', { XDG_CACHE_HOME: '/cache' })
  t.regex(one, /^\/cache\/dstore\/gocache\/[0-9a-f]{16}$/)
  t.not(one, outputsFolder('/state/two', { XDG_CACHE_HOME: '/cache' }))
  t.regex(
    outputsFolder('/state', { XDG_CACHE_HOME: 'relative' }),
    /^\/.*\/\.cache\/dstore\/gocache\//,
  )
})
