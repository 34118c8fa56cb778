import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settleTokens } from '../../../../src/daemon/config/tokens/archived-tokens.ts'
import { TokenTable } from '../../../../src/daemon/config/tokens/token-table.ts'
import { DstoreError } from '../../../../src/errors.ts'
import { keptRows } from '../../../../src/node/global/archive/kept-rows.ts'
import { ArchiveWatch } from '../../../../src/node/global/archive/archive-watch.ts'
import { archiveReport } from '../../../../src/node/global/archive/report-archive.ts'
import type { ArchiveState, ArchiveStatus } from '../../../../src/archive/archive.ts'
import { SILENT } from '../../../../src/log.ts'
import { createMemoryStore } from '../../../../src/store/memory/memory.ts'
import type { Store } from '../../../../src/store/store.ts'
import { temporaryDirectory } from '../../../daemon/serving.ts'
import { test } from '../../../serial.ts'
import { withGlobal } from '../with-global.ts'

/** A store whose archive answers as the test says. */
function archivedStore() {
  let answer: () => Promise<void> = () => Promise.resolve()
  let calls = 0
  const store: Store = Object.assign(createMemoryStore({}), {
    archived: async () => {
      calls++
      await answer()
    },
  })
  return {
    store,
    calls: () => calls,
    set: (next: () => Promise<void>) => (answer = next),
  }
}

const away = (): Promise<void> =>
  Promise.reject(new DstoreError('unreachable', 'the bucket does not answer'))

const value = (text: string): { bytes: AsyncIterable<Uint8Array> } => ({
  bytes: (async function* () {
    yield await Promise.resolve(Buffer.from(text))
  })(),
})

test('R011-80 removals and unbindings are confirmed once the archive has them', async (t) => {
  const { store, calls, set } = archivedStore()
  await withGlobal(store, async (global) => {
    const { key } = await global.put(value('one'))
    await global.put(value('two'), { name: 'a/two' })
    await global.put(value('three'), { name: 'a/three' })
    // Puts do not wait.
    t.is(calls(), 0)
    let release = (): void => undefined
    set(() => new Promise<void>((resolve) => (release = resolve)))
    let done = false
    const removal = global.index.remove(key).then(() => (done = true))
    while (calls() === 0) await new Promise((resolve) => setImmediate(resolve))
    t.false(done)
    release()
    await removal
    set(away)
    const error = await t.throwsAsync<DstoreError>(global.index.unbind('a/two'), {
      code: 'partial',
      message: /not confirmed: the archive does not have it yet/,
    })
    t.regex(error!.hint ?? '', /dstore status/)
    // It is done here all the same.
    await t.throwsAsync(global.index.unbind('a/two'), { code: 'not-found' })
    set(() => Promise.reject(new DstoreError('unwritable', 'another node has taken over')))
    await t.throwsAsync(global.index.unbind('a/three'), { code: 'unwritable' })
  })
})

test('R011-86 tokens are in the records too, and a restore has those that were not revoked', async (t) => {
  const { store, set } = archivedStore()
  const path = join(temporaryDirectory(t), 'tokens.json')
  const rows = keptRows(store, 'token', 1024)
  const open = async (isRestored = false) =>
    new TokenTable(path, Date.now, await settleTokens(path, rows, isRestored))
  const table = await open()
  const kept = await table.add({ label: 'kept', role: 'writer' })
  const revoked = await table.add({ label: 'revoked' })
  const unsure = await table.add({ label: 'unsure' })
  await table.remove('revoked')
  set(away)
  await t.throwsAsync(table.remove('unsure'), { code: 'partial' })
  t.is(table.find(unsure.token), undefined)
  t.notRegex(JSON.stringify([...(await rows.all()).values()].map(String)), /dstore_/)
  // On another machine there is no file.
  const elsewhere = join(temporaryDirectory(t), 'tokens.json')
  const restored = new TokenTable(elsewhere, Date.now, await settleTokens(elsewhere, rows, true))
  t.is(restored.find(kept.token)?.role, 'writer')
  t.is(restored.find(revoked.token), undefined)
  t.is(restored.find(unsure.token), undefined)
  // What the file says counts otherwise: it may have been edited, or deleted to revoke all.
  writeFileSync(path, '{"tokens":[]}', { mode: 0o600 })
  t.is((await open()).find(kept.token), undefined)
  t.is((await rows.all()).size, 0)
})

test('R011-86 a token whose record cannot be written is not made', async (t) => {
  const { store } = archivedStore()
  const path = join(temporaryDirectory(t), 'tokens.json')
  const rows = keptRows(store, 'token', 1024)
  const mirror = await settleTokens(path, rows, false)
  const fault = new DstoreError('unreachable', 'puts wait for the archive')
  const failing = { ...mirror, keep: () => Promise.reject(fault) }
  await t.throwsAsync(new TokenTable(path, Date.now, failing).add({ label: 'x' }), {
    code: 'unreachable',
  })
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { tokens: [] })
  await store.commit({
    conditions: [],
    writes: [{ key: { table: 'meta', id: Buffer.from('token/bad') }, value: Buffer.from('{}') }],
    entry: undefined,
  })
  await t.throwsAsync(settleTokens(path, rows, true), { code: 'integrity' })
})

/** An archive in this state. */
function fakeArchive(lastFault?: ArchiveStatus['lastFault']) {
  const archive = {
    state: 'current' as ArchiveState,
    status: (): ArchiveStatus => ({
      state: archive.state,
      place: 's3://company/main',
      acknowledges: false,
      own: 9,
      archived: 7,
      lag: { entries: 2, bytes: 300, ms: 1200.4 },
      requests: { writes: 1, reads: 2, deletes: 3, failed: 4 },
      snapshot: { position: 5, ageMs: 1000 },
      firstCopy: undefined,
      lastFault,
    }),
    mayServe: () => archive.state !== 'unreachable',
  }
  return archive
}

test('R011-88 the log tells of each change of the archive once', (t) => {
  const lines: string[] = []
  const on =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`)
  const log = { ...SILENT, info: on('info'), warn: on('warn'), error: on('error') }
  const archive = fakeArchive()
  const watch = new ArchiveWatch(archive, log)
  const states: ArchiveState[] = ['current', 'first-copy', 'current', 'behind', 'behind']
  for (const state of [...states, 'waiting', 'unreachable', 'current', 'fenced'] as const) {
    archive.state = state
    watch.look()
  }
  watch.close()
  t.deepEqual(
    lines.map((line) => line.split(':')[0]),
    [
      'info the archive gets its first copy',
      'info the archive has all again',
      'warn the archive is behind',
      'warn puts wait for the archive, which is too far behind',
      'warn puts are refused',
      'info the archive has all again',
      'error another node has taken over this archive',
    ],
  )
})

test('R011-88 status has lag, requests, snapshot and the last fault', (t) => {
  const fault = new DstoreError('unreachable', 'no answer')
  const archive = fakeArchive({ fault, agoMs: 500 })
  const counts = { evictions: 1, hits: 2, misses: 3, fetchedBytes: 4 }
  const usage = { archived: { localBytes: 5, localFiles: 6, ...counts }, quotaBytes: 7 }
  t.deepEqual(archiveReport(archive, usage, Date.UTC(2030, 0, 1)), {
    disk: { usedBytes: 5, budgetBytes: 7, values: 6, ...counts },
    state: 'current',
    place: 's3://company/main',
    acknowledges: false,
    mayServe: true,
    own: 9,
    archived: 7,
    lagEntries: 2,
    lagBytes: 300,
    lagMs: 1200,
    requests: { writes: 1, reads: 2, deletes: 3, failed: 4 },
    snapshot: { position: 5, at: '2029-12-31T23:59:59.000Z' },
    error: 'no answer',
    errorCode: 'unreachable',
    errorAt: '2029-12-31T23:59:59.500Z',
  })
})
