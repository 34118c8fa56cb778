import { SELF } from '../../../../src/index/global/global-events.ts'
import { EXPIRY_ROWS } from '../../../../src/index/records/expiry-record.ts'
import { decodeChange, watched } from '../../../../src/index/records/change-record.ts'
import { keyRow, nameRow } from '../../../../src/index/records/record.ts'
import type { Body, Found, Request, TagTargets } from '../../../../src/index/message.ts'
import { decodeMessage } from '../../../../src/index/codec/decode.ts'
import { encodeMessage } from '../../../../src/index/codec/encode.ts'
import { LATEST_MS } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'
import { HOLD, TreeMachine, directory, file } from '../trees/tree-machine.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const HOUR = 3_600_000

/** A machine whose wall clock is trusted. */
function trusted(): Machine {
  const machine = new Machine()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  return machine
}

const putFor = (machine: Machine, n: number, expiresMs: number, tag = false) =>
  machine.answer({
    type: 'put',
    values: [valueOf(n)],
    name: `n${n}`,
    naming: { expiresMs, ...(tag && { tag }) },
  })

const isFound = (machine: Machine, name: string): boolean => {
  const body = machine.answer({ type: 'lookup', name, inline: false })
  return body.type === 'binding' && body.found !== undefined
}

const isBound = ({ store }: Machine, name: string): boolean =>
  store.get(nameRow(name)) !== undefined

const rows = ({ store }: Machine): number => store.scan('meta', EXPIRY_ROWS).length

const bind = (machine: Machine, name: string, expiresMs: number | undefined, session = SELF) =>
  machine.answer(
    {
      type: 'bind',
      name,
      digest: digestOf(1),
      ...(expiresMs !== undefined && { naming: { expiresMs } }),
    },
    session,
  )

test('R004-129: an expiry that no date reaches is at the latest time, and fits every message', (t) => {
  const machine = trusted()
  const far = Number.MAX_SAFE_INTEGER
  putFor(machine, 1, far)
  const id = 1
  const message = { id, body: machine.answer({ type: 'lookup', name: 'n1', inline: false }) }
  t.like(decodeMessage(encodeMessage(message)), { body: { found: { expiresMs: LATEST_MS } } })
  t.like(bind(machine, 'n1', far), { type: 'binding', found: { expiresMs: LATEST_MS } })
  putFor(machine, 2, 1000, true)
  const naming = { expiresMs: far, keepMs: far }
  const moved = machine.answer({ type: 'rebind', name: 'n2', digest: digestOf(1), naming })
  const told = decodeMessage(encodeMessage({ id, body: moved }))
  t.like(told, { body: { keptUntilMs: LATEST_MS, found: { expiresMs: LATEST_MS } } })
})

test('R004-127: an expired name is not answered from its time on, whether the clock is trusted or not', (t) => {
  const machine = new Machine()
  putFor(machine, 1, 1000)
  machine.now += 999
  t.true(isFound(machine, 'n1'))
  t.like(machine.answer({ type: 'lookup', name: 'n1', inline: false }), {
    found: { expiresMs: 1000, boundMs: 0 },
  })
  machine.now += 1
  t.false(isFound(machine, 'n1'))
  t.true(isBound(machine, 'n1'))
})

test('R004-127: a clock that was wrong for a while hides a name, and destroys nothing', (t) => {
  const machine = trusted()
  putFor(machine, 1, HOUR)
  machine.wallOffsetMs = 3 * HOUR
  for (let i = 0; i < 300; i++) machine.tick(1000)
  t.false(isFound(machine, 'n1'))
  machine.wallOffsetMs = 0
  for (let i = 0; i < 700; i++) machine.tick(1000)
  t.true(isFound(machine, 'n1'))
})

test('R004-128: it is unbound within a minute once wall time is trusted, and its value goes with it', (t) => {
  const machine = trusted()
  putFor(machine, 1, 5000)
  putFor(machine, 2, 70_000, true)
  t.is(rows(machine), 2)
  machine.tick(4999)
  t.true(isBound(machine, 'n1'))
  machine.tick(1)
  t.false(isBound(machine, 'n1'))
  t.is(machine.store.get(keyRow(digestOf(1))), undefined)
  const [{ entry, seq }] = machine.store.log(machine.store.lastSeq - 1, 1) as [
    { entry: Uint8Array; seq: number },
  ]
  t.like(watched(seq, decodeChange(entry).change), {
    type: 'remove',
    names: ['n1'],
    why: 'expired',
  })
  t.true(isBound(machine, 'n2'))
  machine.tick(65_000)
  t.false(isBound(machine, 'n2'), 'a tag, too')
  t.is(rows(machine), 0)
})

test('R004-128: of a value with another name only the name goes', (t) => {
  const machine = trusted()
  putFor(machine, 1, 5000)
  bind(machine, 'other', undefined)
  machine.tick(5000)
  t.false(isBound(machine, 'n1'))
  t.true(isFound(machine, 'other'))
})

test('R004-128: after a restart names expire when the clock is trusted, more than a batch of them', (t) => {
  const machine = new Machine()
  for (let i = 0; i < 100; i++) {
    machine.answer({
      type: 'put',
      values: [valueOf(1)],
      name: `n${i}`,
      naming: { expiresMs: 1000 },
    })
  }
  machine.now += 2000
  machine.start({}, 1)
  machine.tick(1000)
  t.is(rows(machine), 100)
  for (let i = 0; i < 700; i++) machine.tick(1000)
  t.is(rows(machine), 0)
  t.is(machine.store.scan('names', new Uint8Array()).length, 0)
})

test('R004-128: a name that was unbound and bound again does not expire by its first binding', (t) => {
  const machine = trusted()
  machine.put(1)
  bind(machine, 'a', 5000)
  machine.answer({ type: 'unbind', name: 'a', keepValue: true, timeoutMs: 0 })
  bind(machine, 'a', undefined)
  machine.tick(5000)
  t.true(isFound(machine, 'a'))
  t.is(rows(machine), 0)
})

test('R004-128: a name that is bound until the same moment again, while the first is cleared, expires', (t) => {
  const machine = trusted()
  machine.put(1)
  bind(machine, 'a', 5000)
  machine.answer({ type: 'unbind', name: 'a', keepValue: true, timeoutMs: 0 })
  machine.holds.add('commit')
  const { store, now } = machine
  machine.ask({ type: 'bind', name: 'a', digest: digestOf(1), naming: { expiresMs: 5000 } })
  t.false(isBound(machine, 'a'), 'it is being written')
  machine.tick(5000)
  machine.release()
  machine.tick(60_000)
  t.false(isBound(machine, 'a'))
  t.is(rows(machine), 0)
  t.true(store.lastSeq > 0 && machine.now > now)
})

test('R004-129: a writer puts an expiry off; only an admin brings one forward, or adds one', (t) => {
  const machine = trusted()
  machine.put(1)
  const writer = machine.hello('writer', {}, 'writer')
  const expiry = (name: string): number | undefined => {
    const body = machine.answer({ type: 'lookup', name, inline: false })
    return body.type === 'binding' ? body.found?.expiresMs : undefined
  }
  const at = machine.now
  bind(machine, 'a', 10_000, writer)
  t.is(expiry('a'), at + 10_000)
  bind(machine, 'a', 20_000, writer)
  t.is(expiry('a'), at + 20_000)
  t.is(rows(machine), 1, 'the row of the first is gone')
  bind(machine, 'a', 5000, writer)
  t.is(expiry('a'), at + 20_000, 'not brought forward')
  bind(machine, 'a', undefined, writer)
  t.is(expiry('a'), at + 20_000)
  bind(machine, 'b', undefined)
  t.like(bind(machine, 'b', 5000, writer), { type: 'failure', code: 'not-permitted' })
  t.is(expiry('b'), undefined)
  bind(machine, 'b', 5000)
  t.is(expiry('b'), at + 5000)
  bind(machine, 'a', 6000)
  t.is(expiry('a'), at + 6000)
  machine.tick(6000)
  t.deepEqual([isBound(machine, 'a'), isBound(machine, 'b')], [false, false])
})

test('R004-129: a move keeps the expiry of a tag, or puts it off', (t) => {
  const machine = trusted()
  for (const n of [1, 2, 3]) machine.put(n)
  const at = machine.now
  const move = (n: number, expiresMs?: number) =>
    machine.answer({
      type: 'rebind',
      name: 'tag',
      digest: digestOf(n),
      naming: { ...(expiresMs !== undefined && { expiresMs }) },
    })
  t.like(move(1, 10_000), { found: { expiresMs: at + 10_000 } })
  t.like(move(2), { found: { expiresMs: at + 10_000 } })
  t.like(move(3, 15_000), { found: { expiresMs: at + 15_000 } })
  t.is(rows(machine), 1)
  machine.tick(15_000)
  t.false(isBound(machine, 'tag'))
})

const at = (machine: Machine, name: string): Found | undefined => {
  const body = machine.answer({ type: 'lookup', name, inline: false })
  return body.type === 'binding' ? body.found : undefined
}

/** Names have expired, and nothing has unbound them yet. */
function expired(machine: Machine, ms: number): Machine {
  machine.now += ms
  return machine
}

test('R004-130: an expired name is bound to another key at once, and what it held goes first', (t) => {
  for (const type of ['bind', 'put', 'offer', 'rebind'] as const) {
    const machine = trusted()
    putFor(machine, 1, 1000, type === 'bind')
    if (type !== 'put') machine.put(2)
    expired(machine, 1000)
    const writer = machine.hello('writer', {}, 'writer')
    const request = {
      bind: { type, name: 'n1', digest: digestOf(2) },
      rebind: { type, name: 'n1', digest: digestOf(2) },
      put: { type, values: [valueOf(2)], name: 'n1' },
      offer: { type, digest: digestOf(2), size: 1, name: 'n1' },
    }[type] as Request
    const answer = machine.answer(request, writer)
    t.not(answer.type, 'failure', JSON.stringify(answer))
    t.deepEqual(Buffer.from(at(machine, 'n1')!.digest), Buffer.from(digestOf(2)), type)
    t.is(at(machine, 'n1')?.tag, type === 'rebind' ? true : undefined, 'of the kind that is asked')
    t.is(at(machine, 'n1')?.expiresMs, undefined)
    t.is(machine.store.get(keyRow(digestOf(1))), undefined, 'removed with its name')
    t.true(machine.store.get(keyRow(digestOf(2))) !== undefined, 'what was put is there')
    t.deepEqual(
      machine.effects.filter((one) => one.type === 'discard' && type === 'put'),
      [],
    )
    machine.tick(60_000)
    t.true(isFound(machine, 'n1'), 'the expiry of the first binding is over')
    t.is(rows(machine), 0)
  }
})

test('R004-130: bound to the same key again it does not go, and begins with a new expiry', (t) => {
  for (const isTrusted of [true, false]) {
    const machine = isTrusted ? trusted() : new Machine()
    putFor(machine, 1, 1000)
    expired(machine, 5000)
    const writer = machine.hello('writer', {}, 'writer')
    t.like(bind(machine, 'n1', 3000, writer), { type: 'binding' })
    t.is(at(machine, 'n1')?.expiresMs, machine.now + 3000)
    t.is(rows(machine), 1)
    t.like(putFor(machine, 1, 9000), { type: 'stored', receipts: [{ existed: true }] })
    // As the other kind it would be another name.
    expired(machine, 9000)
    const other = putFor(machine, 1, 9000, true)
    if (isTrusted) t.like(other, { type: 'stored', receipts: [{ existed: false }] })
    else t.like(other, { type: 'failure', code: 'conflict' })
    t.is(at(machine, 'n1')?.tag, isTrusted ? true : undefined)
  }
})

test('R004-130: an expired tag that is moved, also to its own target, keeps its history', (t) => {
  const machine = trusted()
  const move = (n: number): Body =>
    machine.answer({ type: 'rebind', name: 'n1', digest: digestOf(n), naming: { expiresMs: 1000 } })
  for (const n of [1, 2, 3]) machine.put(n)
  for (const n of [1, 2, 2, 3]) {
    t.like(move(n), { found: { expiresMs: machine.now + 1000 } })
    expired(machine, 1000)
  }
  t.like(move(3), { type: 'rebound', previous: undefined })
  const history = machine.answer({ type: 'tag-history', name: 'n1' }) as TagTargets
  t.deepEqual(
    history.targets.map(({ digest }) => digest[0]),
    [3, 2, 1].map((n) => digestOf(n)[0]),
  )
})

test('R004-130: while the clock is not trusted, another key is a conflict, and nothing goes', (t) => {
  const machine = new Machine()
  putFor(machine, 1, 1000)
  expired(machine, 5000)
  const answer = machine.answer({ type: 'put', values: [valueOf(2)], name: 'n1' })
  t.like(answer, { type: 'failure', code: 'conflict' })
  t.regex((answer as { message: string }).message, /expired/)
  t.true(isBound(machine, 'n1'))
})

test('R004-130: a tree is committed under a name that has expired', (t) => {
  const machine = new TreeMachine().recovered()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  putFor(machine, 1, 1000)
  const [one] = [file('one')]
  const root = directory({ one })
  machine.openHold()
  machine.putHeld([one, root])
  machine.make([root])
  expired(machine, 1000)
  t.like(machine.commit(root, 'n1'), { type: 'stored' })
  t.like(at(machine, 'n1'), { directory: true })
  t.is(machine.store.get(keyRow(digestOf(1))), undefined)
  t.deepEqual(machine.faults(), [])
})

test('R004-128: as many names as expire at one time are unbound without waiting for the next look', (t) => {
  const machine = trusted()
  for (let i = 0; i < 600; i++) {
    machine.answer({
      type: 'put',
      values: [valueOf(i % 250)],
      name: `many/${i}`,
      naming: { expiresMs: 1000 },
    })
  }
  putFor(machine, 251, 2000)
  machine.tick(1000)
  t.deepEqual(
    machine.store.scan('names', new Uint8Array()).map(({ id }) => Buffer.from(id).toString()),
    ['n251'],
  )
  t.is(rows(machine), 1)
  machine.tick(1000)
  t.is(rows(machine), 0, 'the next one is due at its time')
})

test('R004-135: what goes with a directory goes for the reason of the directory, after a restart too', (t) => {
  const machine = new TreeMachine().recovered()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  const [one, two] = [file('one'), file('two')]
  const inner = directory({ two })
  const root = directory({ one, inner })
  machine.openHold()
  machine.putHeld([one, two, inner, root])
  machine.make([inner])
  machine.make([root])
  const request = { type: 'commit-tree', hold: HOLD, digest: root.digest, name: 'n' } as const
  t.like(machine.answer({ ...request, naming: { expiresMs: 1000 } }), { type: 'stored' })
  machine.tick(1)
  machine.pause()
  machine.tick(1000)
  machine.step()
  machine.crash()
  for (let i = 0; i < 10; i++) machine.tick(1)
  const removed = machine.store
    .log(0, 10_000)
    .map(({ seq, entry }) => watched(seq, decodeChange(entry).change))
    .filter((change) => change?.type === 'remove')
  t.deepEqual(
    removed.map((change) => change!.why),
    ['expired', 'expired', 'expired', 'expired'],
  )
  t.deepEqual(machine.faults(), [])
})
