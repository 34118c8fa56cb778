/** Values that the daemon writes to files of its clients (specs/007, R007-182 and R007-184). */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { sameBytes } from '../../same-bytes.ts'
import { ask, serving, temporaryDirectory, type Answer, type Serving } from '../serving.ts'

interface Scene extends Serving {
  readonly folder: string
  readonly key: string
  readonly value: Uint8Array
}

async function scene(t: ExecutionContext, size = 50_000): Promise<Scene> {
  const all = await serving(t)
  const value = Uint8Array.from({ length: size }, (_, index) => index % 251)
  const { key } = await all.node.put({ bytes: [value] as never })
  return { ...all, folder: temporaryDirectory(t), key: key.toString(), value }
}

/** What a client says of its file. */
function named(path: string, more: Readonly<Record<string, unknown>> = {}): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return JSON.stringify({ path, device: String(dev), inode: String(ino), ...more })
}

const copy = ({ daemon, key }: Scene, body: string): Promise<Answer> =>
  ask(daemon.socket, 'POST', `/v1/values/${key}/copy`, { body })

const linesOf = ({ body }: Answer): Record<string, unknown>[] =>
  body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

function empty(folder: string, name = 'empty'): string {
  const path = join(folder, name)
  writeFileSync(path, '')
  return path
}

test('R007-182 the daemon writes a value, or a range, to the empty file of its client', async (t) => {
  const all = await scene(t)
  for (const [range, start, end] of [
    [undefined, 0, 50_000],
    ['bytes=1-9', 1, 10],
    ['bytes=-7', 49_993, 50_000],
  ] as const) {
    const path = empty(all.folder, `file ${range}`)
    const answer = await copy(all, named(path, range === undefined ? {} : { range }))
    t.is(answer.status, 200)
    const { key } = all
    const done = { event: 'done', result: { key, size: 50_000, start, end } }
    t.deepEqual(linesOf(answer).at(-1), done)
    sameBytes(t, readFileSync(path), all.value.subarray(start, end))
  }
  const nothing = await copy(all, named(empty(all.folder), { range: 'bytes=50000-' }))
  t.is(nothing.status, 416)
  t.is((await copy(all, named(empty(all.folder), { range: 'bytes=5-3' }))).status, 400)
})

test('R007-182 what is not the empty file of the client is refused, and stays as it is', async (t) => {
  const all = await scene(t)
  const { folder, node } = all
  const mine = empty(folder)
  const other = empty(folder, 'other')
  const full = empty(folder, 'full')
  writeFileSync(full, 'mine')
  symlinkSync(mine, join(folder, 'link'))
  linkSync(mine, join(folder, 'hard'))
  mkdirSync(join(folder, 'directory'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const asMine = (path: string): string => named(mine, { path: join(folder, path) })
  const refused: [string, string][] = [
    ['another file', named(other, { path: mine })],
    ['another device', named(mine, { device: '1' })],
    ['not empty', named(full)],
    ['a link to it', asMine('link')],
    ['a directory', named(join(folder, 'directory'))],
    ['a pipe', named(join(folder, 'pipe'))],
    ['missing', asMine('missing')],
    ['a missing folder', asMine('none/missing')],
  ]
  for (const [what, body] of refused) {
    const { status, body: text } = await copy(all, body)
    const { code } = JSON.parse(text.toString()) as { code: string }
    t.deepEqual([status >= 400, code], [true, 'unwritable'], what)
  }
  t.is(node.readsLeft, 0, 'nothing was read')
  t.is(readFileSync(full, 'utf8'), 'mine')
  t.throws(() => statSync(join(folder, 'missing')))
  // It is the same file by another name.
  t.is((await copy(all, asMine('hard'))).status, 200)
  for (const body of [
    '{}',
    '{"path":"x"}',
    named(mine, { device: 5 }),
    named(mine, { range: 5 }),
  ]) {
    t.is((await copy(all, body)).status, 400)
  }
})

test('R007-182 a socket that others can open writes no files', async (t) => {
  const all = await scene(t)
  const path = empty(all.folder)
  chmodSync(all.daemon.socket, 0o660)
  const answer = await copy(all, named(path))
  t.is((JSON.parse(answer.body.toString()) as { code: string }).code, 'not-permitted')
  t.is(statSync(path).size, 0)
})

test('R007-184 a failure in the middle is one event; before the first byte too', async (t) => {
  const all = await scene(t)
  all.node.fault = new DstoreError('integrity', 'it is damaged')
  for (const failAfterBytes of [0, 20_000]) {
    all.node.failAfterBytes = failAfterBytes
    const answer = await copy(all, named(empty(all.folder)))
    t.is(answer.status, 200)
    const last = linesOf(answer).at(-1)!
    t.is(last['event'], 'failed')
    t.is((last['problem'] as { code: string }).code, 'integrity')
  }
  all.node.failAfterBytes = undefined
  all.node.fault = undefined
  const absent = await ask(all.daemon.socket, 'POST', `/v1/values/${'f'.repeat(64)}/copy`, {
    body: named(empty(all.folder)),
  })
  t.is(absent.status, 404)
})
