import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { checkSet } from '../../cli/doctor/set/check-set.ts'
import type { Facts, SetFacts } from '../../cli/doctor/facts.ts'
import type { Finding } from '../../cli/doctor/finding.ts'
import { patienceFor } from '../../cli/session.ts'
import { activeOf, membersOf } from '../../cli/terminal/set-members.ts'
import { setDocument, setText } from '../../cli/terminal/set-text.ts'
import { statusText } from '../../cli/terminal/status-text.ts'
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import type { SetMemberReport, SetReport } from '../../src/node/global/set/set-report.ts'
import type { FakeNode } from '../daemon/fake-node.ts'
import { START_MS } from '../../src/limits.ts'
import { serving, temporaryDirectory } from '../daemon/serving.ts'
import { Place } from './command.ts'
import { healthy, statusFor } from './doctor-facts.ts'

const NOW = Date.parse('2026-11-29T08:00:00.000Z')

/** `agoMs`: when it said so. */
const member = (
  name: string,
  agoMs: number,
  more: Partial<SetMemberReport> = {},
): SetMemberReport => ({
  id: name.padEnd(16, '0'),
  name,
  version: '0.2.0',
  state: 'standby',
  position: 100,
  addresses: ['/ip4/10.0.0.1/tcp/4480'],
  at: new Date(NOW - agoMs).toISOString(),
  isOwn: agoMs === 0,
  ...more,
})

const report = (members: readonly SetMemberReport[], more: Partial<SetReport> = {}): SetReport => ({
  state: members[0]!.state,
  engine: 'nats://g1:4222/main',
  bucket: 's3://b/main',
  epoch: 7,
  end: 100,
  engineSilentMs: 120,
  takeOvers: 0,
  pauses: 0,
  members,
  requests: { writes: 1, reads: 2, deletes: 3, failed: 0 },
  snapshot: { position: 90, at: new Date(NOW - 60_000).toISOString() },
  ...more,
})

const active = { state: 'active' as const }

test('R012-51 the active member is the one that said so last, and is not silent', (t) => {
  const of = (...members: SetMemberReport[]): string | undefined =>
    activeOf(membersOf(report(members)))?.name
  t.is(of(member('a', 0), member('b', 9000, active), member('c', 2000, active)), 'c')
  t.is(of(member('a', 0, active), member('b', -3000, active)), 'a')
  t.is(of(member('a', 0), member('b', 16_000, active)), undefined)
  t.is(of(member('a', 0), member('b', 1000, { state: 'paused' })), 'b')
  const killed = member('b', 1000, { ...active, epoch: 5 })
  t.is(of(member('a', 0), killed), undefined, 'another one has begun since')
  t.is(of(member('a', 0), killed, member('c', 6000, { ...active, epoch: 7 })), 'c')
  const later = member('c', 6000, { ...active, epoch: 9 })
  t.is(of(member('a', 0), member('b', 1000, { ...active, epoch: 7 }), later), 'c')
})

test('R012-50 R012-52 status shows each member, by its id where names are the same', (t) => {
  const found = report([
    member('a', 0),
    member('a', 20_000, { id: 'ffff000011112222', position: 97, lag: 3 }),
    member('c', 2000, active),
    member('d', 9000, { ...active, epoch: 5, position: 60 }),
  ])
  const off = setText(
    report([
      member('a', 0),
      member('b', -7_200_000, { agoMs: 2_000 }),
      member('c', 7_200_000, { agoMs: 2_000 }),
      member('d', -3_600_000, { agoMs: 60_000 }),
    ]),
  )
  t.regex(off, /^member +b {2}standby at entry 100, said so 2s ago, its clock is 2h ahead, /m)
  t.regex(off, /^member +c {2}standby at entry 100, said so 2s ago, its clock is 1h 59m behind, /m)
  t.regex(
    off,
    /^member +d {2}standby at entry 100, SILENT, said so 1m ago, its clock is 1h 1m ahead, /m,
  )
  t.deepEqual(setText(found).split('\n'), [
    'active        c, epoch 7',
    'engine        nats://g1:4222/main: entry 100, answered 120ms ago',
    'bucket        s3://b/main: snapshot of entry 90, of 2026-11-29T07:59:00.000Z',
    'requests      1 write, 2 reads, 3 deletes, since the start',
    'member        a (a000000000000000)  standby at entry 100, this one, version 0.2.0, /ip4/10.0.0.1/tcp/4480',
    'member        a (ffff000011112222)  standby at entry 97, 3 entries behind, SILENT, said so 20s ago, version 0.2.0, /ip4/10.0.0.1/tcp/4480',
    'member        c  active at entry 100, said so 2s ago, version 0.2.0, /ip4/10.0.0.1/tcp/4480',
    'member        d  was active at entry 60, said so 9s ago, version 0.2.0, /ip4/10.0.0.1/tcp/4480',
  ])
  t.like(setDocument(found), { active: 'c000000000000000', epoch: 7 })
  const away = { bucketError: 's3://b/main: no', bucketErrorSince: '2026-11-29T07:59:00.000Z' }
  const said = setText(report([member('a', 0)], away))
  t.regex(said, /^bucket away {3}s3:\/\/b\/main: no, since 2026-11-29T07:59:00\.000Z$/m)
  t.regex(setText(report([member('a', 0)])), /^active +NONE that is known here, epoch 7$/m)
  const at = new Date(NOW - 1000).toISOString()
  const gone = member('b', 4000, { ...active, epoch: 6 })
  const over = setText(report([member('a', 0), gone], { epochAt: at }))
  t.regex(
    over,
    /^active +ANOTHER ONE, which has not said so yet, epoch 7, since 2026-11-29T07:59:59/m,
  )
  t.regex(over, /^member +b  was active at entry 100, said so 4s ago/m)
  const known = setText(report([member('a', 0), member('c', 1000, { ...active, since: at })]))
  t.regex(known, /^active +c, epoch 7, since 2026-11-29T07:59:59/m)
  const failed = { ...away, error: 'no', errorAt: at }
  const forPeople = setText(
    report([member('a', 0), member('c', 1000, { ...active, since: at })], failed),
    NOW,
  )
  t.regex(forPeople, /^active +c, epoch 7, for 1s$/m)
  t.regex(forPeople, /snapshot of entry 90, 1m ago$/m)
  t.regex(forPeople, /^bucket away +s3:\/\/b\/main: no, for 1m$/m)
  t.regex(forPeople, /^last fault +no, 1s ago$/m)
})

/** A daemon in this process whose node says that of its set. */
async function member7(
  t: Parameters<typeof serving>[0],
  set: SetReport | undefined,
): Promise<Place> {
  const { node, directory } = await serving(t)
  const status = node.status.bind(node)
  Object.assign(node, {
    status: async () => ({ ...(await status()), ...(set && { set }) }),
  } satisfies Partial<FakeNode>)
  return new Place(t, directory.path)
}

test('R012-50 a node without a set says so, and how to have one', async (t) => {
  const place = await member7(t, undefined)
  const { exit, stderr } = await place.run(['set', 'status'])
  t.is(exit, 1)
  t.regex(stderr, /^dstore: this node is not a member of a set\nhint: .*docs\/set\.md\n$/)
})

test('R012-53 a standby, or a member without one, does not step down', async (t) => {
  const standby = await member7(t, report([member('a', 0), member('b', 1000, active)]))
  const refused = await standby.run(['set', 'step-down'])
  t.is(refused.exit, 9)
  t.regex(refused.stderr, /^dstore: this member is not active \(standby\): b is\n/)
  const alone = await member7(t, report([member('a', 0, active)]))
  const kept = await alone.run(['set', 'step-down'])
  t.is(kept.exit, 9)
  t.regex(kept.stderr, /^dstore: no other member stands by, so nothing would answer\n/)
  const silent = await member7(t, report([member('a', 0, active), member('b', 60_000)]))
  const late = await silent.run(['set', 'step-down'])
  t.is(late.exit, 9)
  t.regex(late.stderr, /no other member that stands by has said something lately: b\n/)
  t.is((await alone.run(['set', 'dance'])).exit, 2)
})

const NOTHING = { engine: undefined, bucket: undefined, together: undefined }

const fine: SetFacts = {
  engine: 'nats://g1:4222/main',
  endpoint: undefined,
  isEnginePlain: false,
  key: { path: '/k', state: 'there' },
  secrets: undefined,
  tried: NOTHING,
  rooms: [],
}

/** What is found of these facts. */
const found = (set: Partial<SetFacts>, status?: SetReport): string[] =>
  findings(set, status).map(({ severity, id }) => `${severity} ${id}`)

const findings = (set: Partial<SetFacts>, status?: SetReport): readonly Finding[] => {
  const facts: Facts = healthy(
    'global',
    { set: { value: { ...fine, ...set } } },
    statusFor('global', status && { set: status }),
  )
  return checkSet(facts)
}

test('R012-84 R012-85 doctor tells what is wrong with engine, bucket and files', (t) => {
  t.deepEqual(found({}), ['ok set'])
  t.deepEqual(found({ key: { path: '/k', state: 'open' } }), ['problem set-key-open'])
  t.deepEqual(found({ secrets: { path: '/s', state: 'missing' } }), ['warning set-secrets-missing'])
  t.deepEqual(found({ isEnginePlain: true }), ['warning set-engine-plain'])
  t.deepEqual(found({ endpoint: 'http://s3.corp:9000' }), ['warning set-bucket-plain'])
  t.deepEqual(found({ endpoint: 'http://127.0.0.1:9000' }), ['ok set'])
  for (const [code, id] of [
    ['incompatible', 'set-engine-unfit'],
    ['unreachable', 'set-engine-unreachable'],
    ['not-permitted', 'set-engine-denied'],
    ['unsupported', 'set-client-missing'],
  ] as const) {
    const engine = new DstoreError(code, 'because')
    t.deepEqual(found({ tried: { ...NOTHING, engine } }), [`problem ${id}`])
  }
  const bucket = new DstoreError('incompatible', 'because')
  const ignored = found({ tried: { ...NOTHING, bucket } })
  t.deepEqual(ignored, ['problem set-bucket-ignores-conditions'])
  for (const [code, id] of [
    ['integrity', 'set-journal-lost'],
    ['conflict', 'set-parted'],
  ] as const) {
    const together = new DstoreError(code, 'because', { hint: 'so' })
    t.like(findings({ tried: { ...NOTHING, together } }), [{ id, found: 'because', remedy: 'so' }])
  }
})

test('R012-104 doctor tells what is nearly full', (t) => {
  const room = (what: string, usedBytes: number) => ({ what, usedBytes, mostBytes: 10 * 1024 })
  t.deepEqual(found({ rooms: [room('a', 9 * 1024 - 1)] }), ['ok set'])
  const [full] = findings({ rooms: [room('a', 1), room('b', 9 * 1024), room('c', 10 * 1024)] })
  t.is(full?.id, 'set-engine-full')
  t.regex(full!.found, /^b has 9KiB of 10KiB, c has 10KiB of 10KiB: /)
})

test('R012-86 doctor tells what is wrong with the members', (t) => {
  const a = member('a', 0, active)
  const b = member('b', 2000)
  t.deepEqual(found({}, report([a, b])), ['ok set'])
  t.deepEqual(found({}, report([a])), ['warning set-alone'])
  t.deepEqual(found({}, report([a, member('b', 16_000)])), [
    'warning set-alone',
    'warning set-member-silent',
  ])
  t.deepEqual(found({}, report([member('a', 0), b])), ['problem set-none-active'])
  const cases: [string, Partial<SetMemberReport>, number?][] = [
    ['set-versions-differ', { version: '0.3.0' }],
    ['set-loopback', { addresses: ['/ip4/127.0.0.1/tcp/4480'] }],
    ['set-clock-off', { agoMs: 0 }, -5000],
    ['set-clock-off', { agoMs: 2000 }, 60_000],
  ]
  for (const [id, more, agoMs = 2000] of cases) {
    t.deepEqual(found({}, report([a, member('b', agoMs, more)])), [`warning ${id}`])
  }
  const far = report([a, member('b', 2000, { lag: 200_000 })])
  t.true(found({}, far).includes('warning set-member-behind'))
  const silent = report([a, b], { engineSilentMs: 11_000, error: 'gone' })
  t.deepEqual(found({}, silent), ['problem set-engine-silent'])
  const remedy = (errorCode: ErrorCode): string | undefined =>
    findings({}, report([a, b], { engineSilentMs: 11_000, error: 'it', errorCode }))[0]?.remedy
  t.regex(remedy('unreachable')!, /^start the servers of the engine/)
  t.regex(remedy('integrity')!, /restore the journal in the engine/)
  t.regex(remedy('no-space')!, /more room/)
  t.regex(remedy('not-permitted')!, /rights/)
  const away = { bucketError: 's3://b/main: no', bucketErrorCode: 'unreachable' as const }
  t.deepEqual(found({}, report([a, member('b', 60_000)], away)), ['problem set-bucket-unreachable'])
  const emptied = report([a, b], { ...away, bucketErrorCode: 'conflict' })
  t.deepEqual(found({}, emptied), ['problem set-bucket-emptied'])
  const together = new DstoreError('conflict', 'because')
  t.deepEqual(found({ tried: { ...NOTHING, together } }, emptied), ['problem set-bucket-emptied'])
  const denied = report([a, b], { ...away, bucketErrorCode: 'not-permitted' })
  t.deepEqual(found({}, denied), ['problem set-bucket-denied'])
  const old = report([a, b], { snapshot: { position: 1, at: '2026-11-20T00:00:00.000Z' } })
  t.deepEqual(found({}, old), ['note set-snapshot-old'])
})

test('R012-39 the status of a member says its own state, and which one is active', (t) => {
  const set = report([member('a', 0), member('b', 1000, active)])
  const lines = statusText(statusFor('global', { set })).split('\n')
  t.true(lines.includes('set           standby; the active member is b, epoch 7'))
})

test('R012-47 a start waits for the records of a member, however long they take to load', (t) => {
  const dir = temporaryDirectory(t)
  t.is(patienceFor([], { dir }), START_MS)
  t.true(patienceFor(['--engine=nats://g1/main'], { dir }) > 60 * START_MS)
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ role: 'global', engine: 'nats://g1/m' }))
  t.true(patienceFor([], { dir }) > 60 * START_MS)
})
