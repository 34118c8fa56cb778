import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  checkNote,
  dropNote,
  readNote,
  writeNote,
} from '../../../../src/daemon/config/archive/archive-note.ts'
import { daemonArchive } from '../../../../src/daemon/config/archive/daemon-archive.ts'
import { progressOnLog } from '../../../../src/daemon/config/archive/restore-progress.ts'
import {
  checkSettings,
  mergeSettings,
  readSettings,
  resolveSettings,
  settingsFromEnvironment,
  writeSettings,
  type Settings,
} from '../../../../src/daemon/config/settings.ts'
import { stateDirectory } from '../../../../src/daemon/config/state-directory.ts'
import type { DstoreError } from '../../../../src/errors.ts'
import { SILENT } from '../../../../src/log.ts'
import { test } from '../../../serial.ts'
import { temporaryDirectory } from '../../serving.ts'

const PLACE = 's3://company/dstore/main'

const GOOD: Settings = {
  archive: PLACE,
  archiveEndpoint: 'https://s3.example.net:9000',
  archiveAck: true,
  archiveKey: '/etc/dstore/archive.key',
  diskBytes: 1024 ** 3,
}

test('R011-82 the settings of an archive come from the environment, and are saved', (t) => {
  const found = settingsFromEnvironment({
    DSTORE_ARCHIVE: PLACE,
    DSTORE_ARCHIVE_ENDPOINT: GOOD.archiveEndpoint,
    DSTORE_ARCHIVE_ACK: '1',
    DSTORE_ARCHIVE_KEY: GOOD.archiveKey,
    DSTORE_DISK_SIZE: '1GiB',
  })
  t.deepEqual(found, GOOD)
  const path = join(temporaryDirectory(t), 'config.json')
  const resolved = resolveSettings(mergeSettings({ role: 'global' }, GOOD), {})
  t.deepEqual(resolved, { role: 'global', ...GOOD })
  writeSettings(path, resolved)
  t.deepEqual(readSettings(path), resolved)
  // A later start without flags goes on with it, and the last word on ack is that of `--archive`.
  t.deepEqual(resolveSettings({}, resolved), resolved)
  const { archiveAck: _, ...without } = resolved
  t.deepEqual(resolveSettings({ archive: PLACE }, resolved), without)
  t.deepEqual(resolveSettings({ archive: 'none' }, resolved), { role: 'global' })
  t.is(resolveSettings({ archiveEndpoint: 'none' }, resolved).archiveEndpoint, undefined)
})

test('R011-83 a place or an endpoint with credentials is refused, and not repeated', (t) => {
  const secrets: Settings[] = [
    { archive: 's3://AKIAEXAMPLE:topsecret@company/dstore' },
    { archive: 's3://company/dstore?X-Amz-Signature=topsecret' },
    { archive: 's3://company/dstore#topsecret' },
    { archiveEndpoint: 'https://user:topsecret@s3.example.net' },
    { archiveEndpoint: 'https://s3.example.net/?key=topsecret' },
  ]
  for (const settings of secrets) {
    const error = t.throws<DstoreError>(() => checkSettings(settings), { code: 'usage' })
    t.notRegex(`${error.message} ${error.hint}`, /topsecret|AKIAEXAMPLE/)
    t.regex(error.hint ?? '', /AWS_ACCESS_KEY_ID/)
  }
})

test('R011-83 what is no place or no endpoint is refused', (t) => {
  const bad: Settings[] = [
    '',
    's3://',
    's3://company',
    's3://company/',
    's3://Company/x',
    's3://c/x',
    'company/x',
    's3://company/a//b',
    's3://company/../x',
    's3://company/a b',
    `s3://company/${'x'.repeat(600)}`,
  ].map((archive) => ({ archive }))
  const urls = ['ftp://host', 'host:9000', 'https://', 'not a url']
  bad.push(...urls.map((archiveEndpoint) => ({ archiveEndpoint })))
  for (const settings of bad) {
    t.throws(() => checkSettings(settings), { code: 'usage' }, JSON.stringify(settings))
  }
  for (const archive of [PLACE, 's3://a.b-c/x', 's3://company/a/b.c_d-e', 'none']) {
    t.notThrows(() => checkSettings({ archive }), archive)
  }
  for (const archiveEndpoint of ['http://127.0.0.1:9000', 'https://s3.example.net/', 'none']) {
    t.notThrows(() => checkSettings({ archiveEndpoint }), archiveEndpoint)
  }
})

test('R011-83 flags of an archive need one, a store on disk, and a role that has a store', (t) => {
  const { archive: _, ...others } = GOOD
  for (const [name, value] of Object.entries(others)) {
    const flag = { archiveEndpoint: '--archive-endpoint', archiveAck: '--archive-ack' }[name] ?? ''
    const error = t.throws(() => resolveSettings({ [name]: value }, {}), { code: 'usage' }, name)
    t.true(error.message.includes(flag))
  }
  const join = ['/ip4/127.0.0.1/tcp/4480/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X']
  for (const [name, value] of Object.entries(GOOD) as [string, unknown][]) {
    const given = { role: 'local', join, [name]: value } as Settings
    t.throws(() => resolveSettings(given, {}), { code: 'usage', message: /Global or a standalone/ })
  }
  // A node that becomes a Local leaves its archive alone.
  const local = resolveSettings({ role: 'local', join }, { role: 'global', ...GOOD })
  t.is(local.archive, undefined)
  t.throws(() => resolveSettings({ ...GOOD, store: 'memory' }, {}), { message: /store on disk/ })
})

test('R011-82 the note of an archive is kept, and a start without it is refused', async (t) => {
  const path = join(temporaryDirectory(t), 'archive.json')
  t.is(readNote(path), undefined)
  await writeNote(path, { place: PLACE, restoring: true })
  t.deepEqual(readNote(path), { place: PLACE, restoring: true })
  await writeNote(path, { place: PLACE })
  const note = readNote(path)
  t.deepEqual(note, { place: PLACE })
  t.notThrows(() => checkNote(undefined, undefined, false))
  t.notThrows(() => checkNote(undefined, PLACE, false))
  t.notThrows(() => checkNote(note, PLACE, false))
  t.notThrows(() => checkNote(note, undefined, true))
  const silent = t.throws<DstoreError>(() => checkNote(note, undefined, false), {
    code: 'conflict',
  })
  t.regex(silent.hint ?? '', /--archive s3:\/\/company\/dstore\/main.*--archive none/)
  const other = t.throws<DstoreError>(() => checkNote(note, 's3://company/other', true), {
    code: 'conflict',
  })
  t.regex(other.message, /s3:\/\/company\/dstore\/main, not s3:\/\/company\/other/)
  dropNote(path)
  dropNote(path)
  t.is(readNote(path), undefined)
  for (const text of ['', '{', '{"place":7}', '[]', JSON.stringify({ place: 'x'.repeat(5000) })]) {
    writeFileSync(path, text)
    t.throws(() => readNote(path), { code: 'unreadable' }, text.slice(0, 20))
  }
})

test('R011-82 R011-85 what a daemon does about an archive depends on note, store and flags', async (t) => {
  const directory = stateDirectory(temporaryDirectory(t))
  const start = (given: Settings, takeOver = false) =>
    daemonArchive({ directory, settings: resolveSettings(given, {}), given, takeOver, log: SILENT })
  t.is(start({}).options, undefined)
  t.throws(() => start({}, true), { code: 'usage', message: /--take-over/ })
  t.true(start({ archive: PLACE }, true).options?.takesOver)
  t.false(start({ archive: PLACE }).options?.takesOver)
  // A note of a restore that failed protects nothing.
  await start({ archive: PLACE }, true).options?.onOpening?.()
  t.deepEqual(readNote(directory.archive), { place: PLACE, restoring: true })
  t.notThrows(() => start({}))
  mkdirSync(join(directory.path, 'store-v3'))
  t.throws(() => start({}), { code: 'conflict' })
  // With a store there is nothing to restore.
  t.false(start({ archive: PLACE }, true).options?.takesOver)
  // The tokens of a restore come from the records, also after a crash, and then no more.
  const rows = { all: async () => new Map(), write: async () => {}, archived: async () => {} }
  await start({ archive: PLACE }).settle({ tokens: rows, lost: new Promise(() => undefined) })
  t.deepEqual(readNote(directory.archive), { place: PLACE })
  t.deepEqual(JSON.parse(readFileSync(directory.tokens, 'utf8')), { tokens: [] })
  // Left for good once the daemon serves without it.
  const left = start({ archive: 'none' })
  t.deepEqual(readNote(directory.archive), { place: PLACE })
  left.served()
  t.is(readNote(directory.archive), undefined)
})

test('R011-85 the log tells how far a restore is, at most every two seconds', (t) => {
  const lines: string[] = []
  let now = 0
  const info = (message: string, facts: object = {}): void =>
    void lines.push(`${message} ${JSON.stringify(facts)}`)
  const tell = progressOnLog({ info }, () => now)
  tell({ step: 'snapshot', done: 0, total: 9 })
  tell({ step: 'snapshot', done: 1, total: 9 })
  now = 2000
  tell({ step: 'snapshot', done: 2, total: 9 })
  tell({ step: 'snapshot', done: 9, total: 9 })
  tell({ step: 'journal', done: 0, total: 5 })
  t.deepEqual(
    lines.map((line) => /"done":(\d)/.exec(line)?.[1]),
    ['0', '2', '9', '0'],
  )
})
