import type { Body, Naming, Rebound, Request, Stored } from '../../../../src/index/message.ts'
import { KEEP_ROWS } from '../../../../src/index/records/keep-record.ts'
import { decodeChange, watched } from '../../../../src/index/records/change-record.ts'
import { decodeKey, keyRow } from '../../../../src/index/records/record.ts'
import { KEPT_ROWS, heldRow } from '../../../../src/index/records/tree-record.ts'
import { SELF } from '../../../../src/index/global/global-events.ts'
import { SILENT_LOCALS, TAG_HISTORY, TAG_KEEP_MS } from '../../../../src/limits.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const NAME = 'models/latest'

/** Moves the tag to a value. */
const move = (machine: Machine, n: number, naming: Naming = {}, session: number = SELF): Body =>
  machine.answer({ type: 'rebind', name: NAME, digest: digestOf(n), naming }, session)

/** Puts a value under the tag, which moves it. */
const putUnder = (machine: Machine, n: number, naming: Naming = {}): Body => {
  const all = { ...naming, tag: true }
  return machine.answer({ type: 'put', values: [valueOf(n)], name: NAME, naming: all })
}

const lookup = (machine: Machine): Body =>
  machine.answer({ type: 'lookup', name: NAME, inline: false })

const recordOf = ({ store }: Machine, n: number) => {
  const row = store.get(keyRow(digestOf(n)))
  return row && decodeKey(row)
}

const counted = ({ store }: Machine, prefix: Uint8Array): number =>
  store.scan('meta', prefix).length

/** The last changes, as watchers get them. */
const changes = ({ store }: Machine, count: number) =>
  store
    .log(store.lastSeq - count, count)
    .map(({ seq, entry }) => watched(seq, decodeChange(entry).change))

function withValues(count: number): Machine {
  const machine = new Machine()
  for (let n = 1; n <= count; n++) machine.put(n)
  return machine
}

test('R004-118: the first binding decides the kind of a name, and the other is a conflict', (t) => {
  const machine = withValues(2)
  const bind = (name: string, tag: boolean, n = 1): Body =>
    machine.answer({ type: 'bind', name, digest: digestOf(n), naming: { tag } })
  t.like(bind('fixed', false), { type: 'binding', found: { tag: undefined } })
  t.like(bind('tag', true), { type: 'binding', found: { tag: true } })
  t.like(bind('fixed', true), { type: 'failure', code: 'conflict' })
  t.like(bind('tag', false), { type: 'failure', code: 'conflict' })
  t.like(bind('tag', true, 2), { type: 'failure', code: 'conflict' }, 'a bind never moves')
  const moved = machine.answer({ type: 'rebind', name: 'fixed', digest: digestOf(2) })
  t.like(moved, { type: 'failure', code: 'conflict' })
  t.like(machine.answer({ type: 'lookup', name: 'fixed', inline: false }), {
    found: { digest: digestOf(1) },
  })
  // Unbound, it is no name any more.
  machine.answer({ type: 'unbind', name: 'fixed', keepValue: true, timeoutMs: 9 })
  t.like(bind('fixed', true), { type: 'binding', found: { tag: true } })
})

test('R004-119: a tag moves in one change, which says from where; the same target again is none', (t) => {
  const machine = withValues(2)
  t.like(move(machine, 1), { type: 'rebound', found: { tag: true, digest: digestOf(1) } })
  const before = machine.store.lastSeq
  machine.now += 5
  const moved = move(machine, 2)
  t.is(machine.store.lastSeq, before + 1)
  t.like(moved, {
    found: { digest: digestOf(2), incarnation: before + 1, boundMs: 5 },
    previous: { digest: digestOf(1), atMs: 0 },
    keptUntilMs: undefined,
  })
  t.like(changes(machine, 1), [
    { type: 'rebind', digest: digestOf(2), names: [NAME], previous: { digest: digestOf(1) } },
  ])
  t.like(lookup(machine), { found: { digest: digestOf(2) } })
  t.like(move(machine, 2), { previous: undefined, found: { incarnation: before + 1 } })
  t.is(machine.store.lastSeq, before + 1)
  t.deepEqual([recordOf(machine, 1)!.names, recordOf(machine, 2)!.names], [0, 1])
  t.like(move(machine, 3), { type: 'failure', code: 'not-found' })
})

test('R004-119: a put under a tag moves it in the change that stores the value', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  const before = machine.store.lastSeq
  putUnder(machine, 2)
  t.is(machine.store.lastSeq, before + 1)
  t.like(changes(machine, 1), [
    { type: 'put', digest: digestOf(2), names: [NAME], previous: { digest: digestOf(1) } },
  ])
  putUnder(machine, 1)
  t.like(changes(machine, 1), [{ type: 'rebind', digest: digestOf(1), names: [NAME] }])
  t.like(lookup(machine), { found: { digest: digestOf(1), tag: true } })
  const plain = machine.answer({ type: 'put', values: [valueOf(3)], name: NAME })
  t.like(plain, { type: 'failure', code: 'conflict' }, 'a put that does not say so moves nothing')
  t.is(recordOf(machine, 3), undefined)
  const digest = digestOf(2)
  machine.answer({ type: 'offer', digest, size: 1, name: NAME, naming: { tag: true } })
  t.like(lookup(machine), { found: { digest } }, 'an offer of a value that exists is the put')
})

test('R004-119: a move is fed to Locals as an unbinding at its seq', (t) => {
  const machine = withValues(2)
  move(machine, 1)
  const session = machine.hello('local')
  const ack = (): void =>
    machine.message(session, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
  ack()
  move(machine, 2)
  const { lastSeq: seq } = machine.store
  t.like(machine.last(session), { type: 'feed', removals: [], unbindings: [{ name: NAME, seq }] })
  ack()
  putUnder(machine, 3)
  t.like(machine.last(session), { type: 'feed', unbindings: [{ name: NAME, seq: seq + 1 }] })
})

test('R004-120: the history has the last 16 targets with their times, the newest first', (t) => {
  const machine = withValues(20)
  for (let n = 1; n <= 20; n++) {
    machine.now = n * 10
    move(machine, n)
  }
  const body = machine.answer({ type: 'tag-history', name: NAME })
  if (body.type !== 'tag-targets') return t.fail(body.type)
  t.is(body.targets.length, TAG_HISTORY)
  t.deepEqual(
    body.targets.map(({ digest, atMs }) => [digest, atMs]),
    Array.from({ length: TAG_HISTORY }, (_, i) => [digestOf(20 - i), (20 - i) * 10]),
  )
  machine.answer({ type: 'bind', name: 'fixed', digest: digestOf(1) })
  const ofFixed = machine.answer({ type: 'tag-history', name: 'fixed' })
  t.like(ofFixed, { type: 'failure', code: 'conflict' })
  const ofNothing = machine.answer({ type: 'tag-history', name: 'none' })
  t.deepEqual(ofNothing, { type: 'tag-targets', targets: [] })
})

test('R004-121: a replaced target that nothing else holds stays for its time, then goes by a change of its own', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  putUnder(machine, 2)
  t.like(recordOf(machine, 1), { names: 0, unnamed: false })
  machine.tick(TAG_KEEP_MS - 1)
  t.not(recordOf(machine, 1), undefined, 'it is there until its time')
  t.deepEqual([counted(machine, KEEP_ROWS), counted(machine, KEPT_ROWS)], [1, 1])
  machine.tick(1)
  t.is(recordOf(machine, 1), undefined)
  t.like(changes(machine, 1), [{ type: 'remove', digest: digestOf(1), why: 'moved' }])
  t.deepEqual([counted(machine, KEEP_ROWS), counted(machine, KEPT_ROWS)], [0, 0])
  t.like(lookup(machine), { found: { digest: digestOf(2) } })
})

test('R004-121: the answer says until when it is kept; a value that something holds needs no row', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  machine.put(2)
  t.like(move(machine, 2, { keepMs: 100 }), { keptUntilMs: 100 })
  machine.put(3)
  t.like(move(machine, 3), { keptUntilMs: undefined }, 'it was put without a name, too')
  machine.answer({ type: 'bind', name: 'other', digest: digestOf(3) })
  t.is(counted(machine, KEEP_ROWS), 1)
})

test('R004-121: bound again in its time, a target stays; a rollback works', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  putUnder(machine, 2)
  t.like(move(machine, 1), { found: { digest: digestOf(1) }, previous: { digest: digestOf(2) } })
  machine.tick(TAG_KEEP_MS)
  t.like(recordOf(machine, 1), { names: 1 }, 'the first row has ended, and took nothing')
  t.is(recordOf(machine, 2), undefined)
  t.deepEqual([counted(machine, KEEP_ROWS), counted(machine, KEPT_ROWS)], [0, 0])
})

test('R004-121: kept twice, a target stays until the later time', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  putUnder(machine, 2, { keepMs: 1000 })
  move(machine, 1)
  move(machine, 2, { keepMs: 3000 })
  machine.tick(1000)
  t.not(recordOf(machine, 1), undefined)
  machine.tick(2000)
  t.is(recordOf(machine, 1), undefined)
})

test('R004-122: a restart forgets no replaced target; it ends by trusted wall time only', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  putUnder(machine, 2, { keepMs: 60_000 })
  machine.now += 1000
  machine.start({}, 1)
  machine.now += 60_000
  machine.tick(1000)
  t.not(recordOf(machine, 1), undefined, 'the wall clock is not trusted yet')
  for (let i = 0; i < 700; i++) machine.tick(1000)
  t.is(recordOf(machine, 1), undefined)
  t.deepEqual([counted(machine, KEEP_ROWS), counted(machine, KEPT_ROWS)], [0, 0])
  t.not(recordOf(machine, 2), undefined)
})

test('R004-122: a wall clock that is set ahead ends nothing early in the run that kept it', (t) => {
  const machine = new Machine()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  putUnder(machine, 1)
  putUnder(machine, 2)
  machine.wallOffsetMs = 3_600_000
  machine.tick(1000)
  t.not(recordOf(machine, 1), undefined)
  machine.tick(TAG_KEEP_MS)
  t.is(recordOf(machine, 1), undefined)
})

test('R004-121: a removal that is refused says that a tag has moved away, and force removes', (t) => {
  const machine = new Machine()
  for (let i = 0; i < 700; i++) machine.tick(1000)
  putUnder(machine, 1)
  putUnder(machine, 2)
  const remove = { type: 'remove', digest: digestOf(1), timeoutMs: 9 } as const
  const refused = machine.answer({ ...remove, force: false })
  t.like(refused, { type: 'failure', code: 'conflict' })
  t.regex((refused as { message: string }).message, /^a tag has moved away from /)
  machine.start({}, 1)
  const later = machine.answer({ ...remove, force: false })
  t.regex((later as { message: string }).message, /folder .*, or a tag has moved away from it$/)
  t.like(machine.answer({ ...remove, force: true }), { type: 'removed' })
  t.is(recordOf(machine, 1), undefined)
  for (let i = 0; i < 2 * 700; i++) machine.tick(1000)
  t.deepEqual([counted(machine, KEEP_ROWS), counted(machine, KEPT_ROWS)], [0, 0])
})

test('R004-123: the answer names the Locals that were not heard for 3 s, and waits for none', (t) => {
  const machine = withValues(2)
  const [awake, away] = ['awake', 'away'].map((peer) => {
    const session = machine.hello(peer)
    machine.message(session, { id: 0, body: { type: 'ack', seq: machine.index.position.seq } })
    return session
  }) as [number, number]
  machine.tick(3001)
  machine.message(awake, { id: 9, body: { type: 'ping' } })
  t.deepEqual((move(machine, 1) as Rebound).silent, ['away'])
  machine.handle({ type: 'closed', session: away, now: machine.now })
  t.deepEqual((move(machine, 2) as Rebound).silent, ['away'], 'its connection does not matter')
  machine.handle({ type: 'closed', session: awake, now: machine.now })
  t.deepEqual((move(machine, 1) as Rebound).silent, ['away'], 'it was there a moment ago')
})

test('R004-123: a put that moves a tag says from what, until when that is kept, and which Locals are silent', (t) => {
  const machine = withValues(2)
  machine.hello('away')
  const moved = (body: Body) =>
    body.type === 'stored'
      ? body.receipts[0]?.moved
      : body.type === 'offered'
        ? body.have?.moved
        : undefined
  t.is(moved(putUnder(machine, 3)), undefined, 'the first binding moves nothing')
  machine.tick(3001)
  const until = { keptUntilMs: machine.now + TAG_KEEP_MS, silent: ['away'] }
  t.like(moved(putUnder(machine, 1)), { previous: { digest: digestOf(3) }, ...until })
  t.is(moved(putUnder(machine, 1)), undefined, 'nor does the same target')
  const longer = moved(putUnder(machine, 1, { expiresMs: 99 }))
  t.is(longer, undefined, 'nor does another expiry')
  const offer = { digest: digestOf(2), size: 1, name: NAME, naming: { tag: true } }
  const offered = moved(machine.answer({ type: 'offer', ...offer }))
  t.deepEqual(offered?.silent, ['away'])
  t.deepEqual(offered?.previous.digest, digestOf(1))
  t.is(offered?.keptUntilMs, undefined, 'it was put without a name, too')
  const value = { digest: digestOf(9), size: 1, location: 'nine' }
  const id = 901
  const as = { name: NAME, naming: { tag: true } }
  machine.handle({ type: 'uploaded', id, value, ...as, now: machine.now })
  const sent = machine.effects.findLast((one) => one.type === 'send' && one.message.id === id)
  t.like(sent, { message: { body: { receipts: [{ moved: { silent: ['away'] } }] } } })
  const items = [4, 5].map((n) => ({ value: valueOf(n), name: NAME, naming: { tag: true } }))
  const many = machine.answer({ type: 'put-batch', items: [...items, { value: valueOf(6) }] })
  t.like(many, {
    outcomes: [
      { receipt: { moved: { previous: { digest: digestOf(9) }, silent: ['away'] } } },
      { receipt: { moved: { previous: { digest: digestOf(4) }, silent: ['away'] } } },
      { receipt: { moved: undefined } },
    ],
  })
})

test('R004-123: the answer to a put names SILENT_LOCALS Locals at most', (t) => {
  const machine = new Machine()
  for (let i = 0; i <= SILENT_LOCALS; i++) machine.hello(`away-${i}`)
  machine.tick(3001)
  putUnder(machine, 1)
  const { receipts } = putUnder(machine, 2) as Stored
  t.is(receipts[0]?.moved?.silent.length, SILENT_LOCALS)
})

test('R004-124: writers move and unbind tags; fixed names are unbound by admins only', (t) => {
  const machine = withValues(2)
  const writer = machine.hello('writer', {}, 'writer')
  const reader = machine.hello('reader', {}, 'reader')
  t.like(move(machine, 1, {}, reader), { type: 'failure', code: 'not-permitted' })
  t.like(move(machine, 1, {}, writer), { type: 'rebound' })
  machine.answer({ type: 'bind', name: 'fixed', digest: digestOf(2) })
  const unbind = (name: string, session: number): Body | undefined =>
    machine.ask({ type: 'unbind', name, keepValue: true, timeoutMs: 0 }, session)()
  t.like(unbind('fixed', writer), { type: 'failure', code: 'not-permitted' })
  t.like(unbind(NAME, reader), { type: 'failure', code: 'not-permitted' })
  t.like(unbind(NAME, writer), { type: 'removed', names: [NAME] })
  t.like(unbind('fixed', SELF), { type: 'removed' })
})

test('R006-50: who asks for a writer may do no more than a writer, at Global and as an admin', (t) => {
  const machine = withValues(3)
  const admin = machine.hello('admin', {}, 'admin')
  const naming = { expiresMs: 60_000 }
  for (const [n, session] of [SELF, admin].entries()) {
    const [fixed, tag] = [`fixed-${n}`, `tag-${n}`]
    machine.answer({ type: 'bind', name: fixed, digest: digestOf(1) })
    machine.answer({ type: 'bind', name: tag, digest: digestOf(2), naming: { tag: true } })
    const unbind = (name: string, asWriter: boolean): Body | undefined =>
      machine.ask({ type: 'unbind', name, keepValue: true, timeoutMs: 0, asWriter }, session)()
    const bind = (asWriter: boolean): Body => {
      const body = { type: 'bind', name: fixed, digest: digestOf(1) } as const
      return machine.answer({ ...body, naming: { ...naming, asWriter } }, session)
    }
    t.like(unbind(fixed, true), { type: 'failure', code: 'not-permitted' })
    t.like(bind(true), { type: 'failure', code: 'not-permitted' })
    const put = { type: 'put', values: [valueOf(1)], name: fixed } as const
    const again = machine.answer({ ...put, naming: { ...naming, asWriter: true } }, session)
    t.like(again, { type: 'failure', code: 'not-permitted' })
    t.like(bind(false), { type: 'binding' })
    t.like(unbind(tag, true), { type: 'removed', names: [tag] })
    t.like(unbind(fixed, false), { type: 'removed', names: [fixed] })
  }
})

test('R004-119: writers that move one tag at the same moment make one history, in order', (t) => {
  const machine = withValues(30)
  machine.holds.add('commit')
  const answers = Array.from({ length: 30 }, (_, i) =>
    machine.ask({ type: 'rebind', name: NAME, digest: digestOf(i + 1) }),
  )
  while (machine.held.length > 0) {
    const some = machine.held.splice(0)
    for (const effect of some) machine.carryOut(effect)
  }
  const moves = answers
    .map((answer) => answer() as Rebound)
    .toSorted((a, b) => a.found.incarnation - b.found.incarnation)
  for (const [i, { previous }] of moves.entries()) {
    t.deepEqual(previous?.digest, moves[i - 1]?.found.digest, `${i}`)
  }
  t.like(lookup(machine), { found: { digest: moves.at(-1)!.found.digest } })
})

test('R004-118: a tag costs the 200th time what it cost the first', (t) => {
  const machine = withValues(1)
  const cost = (name: string): number => {
    const from = machine.effects.length
    machine.answer({ type: 'rebind', name, digest: digestOf(1) })
    const some = machine.effects.slice(from)
    return some.reduce((sum, effect) => {
      if (effect.type === 'commit') return sum + effect.transaction.writes.length
      return sum + (effect.type === 'read' ? effect.keys.length : 0)
    }, 0)
  }
  const first = cost('t0')
  for (let i = 1; i < 200; i++) t.is(cost(`t${i}`), first)
})

test('R004-121: a replaced target that a directory holds needs no row', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  machine.put(2)
  const increments = [{ key: heldRow(digestOf(1)), by: 1 }]
  machine.store.apply({ conditions: [], writes: [], increments, entry: undefined })
  t.like(move(machine, 2), { keptUntilMs: undefined })
  t.is(counted(machine, KEEP_ROWS), 0)
  t.not(recordOf(machine, 1), undefined)
})

test('R004-122: after a restart, a target stays until its time by a wall clock that is trusted', (t) => {
  const machine = new Machine()
  putUnder(machine, 1)
  putUnder(machine, 2, { keepMs: 3_600_000 })
  machine.start({}, 1)
  for (let i = 0; i < 700; i++) machine.tick(1000)
  t.not(recordOf(machine, 1), undefined)
  machine.tick(3_000_000)
  for (let i = 0; i < 700; i++) machine.tick(1000)
  t.is(recordOf(machine, 1), undefined)
})

test('R004-131: many that move one tag at the same moment take turns, each from the last target', (t) => {
  const machine = new Machine()
  for (let n = 0; n <= 40; n++) machine.put(n)
  machine.holds.add('commit').add('commit-all')
  const asked = Array.from({ length: 40 }, (_, n) =>
    n % 2 === 0
      ? machine.ask({ type: 'rebind', name: 'tag', digest: digestOf(n) })
      : machine.ask({ type: 'put', values: [valueOf(n)], name: 'tag', naming: { tag: true } }),
  )
  const other = machine.ask({ type: 'rebind', name: 'other', digest: digestOf(40) })
  let commits = 0
  for (;;) {
    const effect = machine.held.shift()
    if (effect === undefined) break
    commits++
    machine.carryOut(effect)
  }
  t.is(commits, 41)
  t.like(other(), { type: 'rebound' })
  for (const [n, answer] of asked.entries()) {
    const body = answer()
    if (n % 2 === 1) t.like(body, { type: 'stored' })
    else t.deepEqual(formerOf(body), n === 0 ? undefined : digestOf(n - 1), `${n}`)
  }
})

/** What an answer says that the tag was bound to before. */
const formerOf = (body: Body | undefined): Uint8Array | undefined =>
  body?.type === 'rebound' ? body.previous?.digest : undefined

test('R004-131: many that give one key a name at the same moment take turns', (t) => {
  const machine = withValues(1)
  machine.holds.add('commit').add('commit-all')
  const kinds = [
    (name: string): Request => ({ type: 'rebind', name, digest: digestOf(1) }),
    (name: string): Request => ({ type: 'bind', name, digest: digestOf(1) }),
    (name: string): Request => ({ type: 'put', values: [valueOf(1)], name }),
    (name: string): Request => ({ type: 'offer', digest: digestOf(1), size: 1, name }),
  ]
  const asked = Array.from({ length: 40 }, (_, n) => machine.ask(kinds[n % 4]!(`n${n}`)))
  let commits = 0
  for (;;) {
    const effect = machine.held.shift()
    if (effect === undefined) break
    commits++
    machine.carryOut(effect)
  }
  t.is(commits, 40)
  for (const answer of asked) t.not(answer()!.type, 'failure')
  t.is(recordOf(machine, 1)!.names, 40)
})
