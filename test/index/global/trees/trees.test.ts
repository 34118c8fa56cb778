import { test } from '../../../serial.ts'
import { Key } from '../../../../src/hash/key.ts'
import { DIRECTORY_DEPTH, HOLDS } from '../../../../src/limits.ts'
import { HOLD, TreeMachine, directory, file } from './tree-machine.ts'

test('R004-97: a tree is put under a hold, named, and removed whole with its name', (t) => {
  const machine = new TreeMachine().recovered()
  const [a, b] = [file('a'), file('b')]
  const inner = directory({ b, again: b })
  const root = directory({ a, inner })
  machine.openHold()
  t.like(machine.putHeld([a, b, inner, root]), { type: 'stored' })
  t.deepEqual(machine.make([inner]), [[]])
  t.deepEqual(machine.make([root]), [[]])
  t.deepEqual([machine.heldBy(a), machine.heldBy(b), machine.heldBy(inner)], [1, 1, 1])
  t.like(machine.commit(root, 'model'), { type: 'stored' })
  t.deepEqual(machine.faults(), [])
  t.true([a, b, inner, root].every((one) => machine.exists(one)))
  t.like(machine.unbind('model'), {
    type: 'removed',
    digest: root.digest,
    tree: { removed: 4, most: 4, complete: true },
  })
  t.false([a, b, inner, root].some((one) => machine.exists(one)))
  t.deepEqual(machine.faults(), [])
})

test('R004-98: of two trees that share a part, the removal of one leaves the other whole', (t) => {
  const machine = new TreeMachine().recovered()
  const [a, b, c] = [file('a'), file('b'), file('c')]
  const shared = directory({ a, b })
  const one = directory({ shared, c })
  const two = directory({ shared, b })
  machine.putTree([a, b, c], [shared, one], 'one')
  machine.putTree([a, b], [shared, two], 'two')
  t.is(machine.heldBy(shared), 2)
  t.is(machine.heldBy(b), 2)
  t.like(machine.unbind('one'), { tree: { removed: 2, complete: true } })
  t.deepEqual(
    [a, b, c, shared, one, two].map((value) => machine.exists(value)),
    [true, true, false, true, false, true],
  )
  t.deepEqual(machine.faults(), [])
})

const [A, B, C] = [file('a'), file('b'), file('c')]
const INNER = directory({ a: A, b: B })
const ROOT = directory({ inner: INNER, c: C })

/** A machine with the tree of `ROOT` under a name. */
function withRoot(): TreeMachine {
  const machine = new TreeMachine().recovered()
  machine.putTree([A, B, C], [INNER, ROOT], 'root')
  return machine
}

test('R004-102: a key that directories hold is removed only by force, and so is one of a put', (t) => {
  const machine = withRoot()
  t.like(machine.remove(A), { type: 'failure', code: 'conflict' })
  t.like(machine.remove(B), {
    hint: 'use --force to remove it all the same: the directory will lack it',
  })
  t.regex((machine.remove(A) as { message: string }).message, /is in 1 directory$/)
  machine.putTree([A, C], [directory({ a: A, c: C })], 'another')
  t.regex((machine.remove(A) as { message: string }).message, /is in 2 directories$/)
  t.regex((machine.remove(A) as { hint: string }).hint, /: the directories will lack it$/)
  t.like(machine.remove(INNER), { type: 'failure', code: 'conflict' })
  const other = file('other')
  machine.openHold()
  machine.putHeld([other])
  t.like(machine.remove(other), { type: 'failure', code: 'conflict' })
  t.like(machine.remove(other, true), { type: 'removed' })
  t.false(machine.exists(other))
  machine.releaseHold()
  t.deepEqual(machine.faults(), [])
})

test('R004-103: a child that was removed by force is missing until it is put again', (t) => {
  const machine = withRoot()
  t.is(machine.missing, 0)
  t.like(machine.answer({ type: 'locate', digests: [ROOT.digest], inline: false }), {
    facts: [{ directory: { size: 3, files: 3, mayLack: false } }],
  })
  machine.removed(A, true)
  t.is(machine.missing, 1)
  t.is(machine.heldBy(A), 1)
  t.like(machine.answer({ type: 'locate', digests: [ROOT.digest], inline: false }), {
    facts: [{ directory: { mayLack: true } }],
  })
  machine.answer({ type: 'put', values: [A.bytes], name: 'a' })
  t.is(machine.missing, 0)
  machine.unbind('a')
  t.true(machine.exists(A), 'its directory holds it as before')
  machine.removed(B, true)
  machine.crash()
  machine.openHold()
  machine.putHeld([B])
  machine.releaseHold()
  t.is(machine.missing, 0)
  t.true(machine.exists(B))
  machine.removed(C, true)
  t.like(machine.unbind('root'), { tree: { complete: true } })
  t.is(machine.missing, 0, 'nothing holds it any more')
  t.deepEqual(machine.faults(), [])
})

test('R004-103: a directory that was removed by force is whole again only as a directory', (t) => {
  const machine = withRoot()
  t.like(machine.removed(INNER, true), { tree: { removed: 3, complete: true } })
  t.is(machine.missing, 1)
  machine.openHold()
  machine.putHeld([A, B, INNER])
  t.is(machine.missing, 1, 'its bytes alone list children that may be gone')
  t.deepEqual(machine.make([INNER]), [[]])
  t.is(machine.missing, 0)
  machine.commit(ROOT)
  machine.unbind('root')
  t.deepEqual(machine.faults(), [])
  t.true([A, B, C, INNER, ROOT].every((one) => machine.exists(one)))
  machine.removed(ROOT)
  t.deepEqual(machine.faults(), [])
  t.false([A, B, C, INNER, ROOT].some((one) => machine.exists(one)))
})

test('R004-103: bytes of a missing directory that are removed again are missing as before', (t) => {
  const machine = withRoot()
  machine.removed(INNER, true)
  machine.answer({ type: 'put', values: [INNER.bytes], name: undefined })
  machine.removed(INNER, true)
  t.is(machine.missing, 1)
  machine.unbind('root')
  t.is(machine.missing, 0)
  t.deepEqual(machine.faults(), [])
})

test('R004-93: what was put without a name stays when its directory goes; plain bytes hold nothing', (t) => {
  const machine = withRoot()
  machine.answer({ type: 'put', values: [A.bytes], name: undefined })
  machine.answer({ type: 'bind', name: 'b', digest: B.digest })
  machine.unbind('root')
  t.deepEqual(
    [A, B, C, INNER].map((one) => machine.exists(one)),
    [true, true, false, false],
  )
  machine.answer({ type: 'put', values: [INNER.bytes], name: 'bytes' })
  t.false(machine.isDirectory(INNER))
  t.is(machine.heldBy(A), 0)
  t.like(machine.unbind('b'), { digest: B.digest })
  t.deepEqual(machine.faults(), [])
})

test('R004-93: a key is present as a directory only where its children are counted', (t) => {
  const machine = withRoot()
  const plain = directory({ c: C })
  machine.answer({ type: 'put', values: [plain.bytes], name: undefined })
  machine.openHold()
  const items = [A, INNER, plain, file('nowhere')].flatMap(({ digest }) => [
    { digest, directory: false },
    { digest, directory: true },
  ])
  t.deepEqual(machine.answer({ type: 'present', hold: HOLD, items }), {
    type: 'present-answer',
    present: [true, false, true, true, true, false, false, false],
  })
  t.is(machine.keptBy(INNER), 2)
  machine.releaseHold()
  t.deepEqual(machine.faults(), [])
})

test('R004-95: children that lack are named, a child that is only bytes where a directory belongs too', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  machine.putHeld([A, INNER, ROOT])
  t.deepEqual(machine.make([INNER, ROOT]), [
    [{ digest: B.digest, directory: false }],
    [
      { digest: C.digest, directory: false },
      { digest: INNER.digest, directory: true },
    ],
  ])
  t.false(machine.isDirectory(INNER))
  machine.putHeld([B, C])
  t.deepEqual(machine.make([INNER]), [[]])
  t.deepEqual(machine.make([INNER, ROOT]), [[], []], 'again is no matter')
  t.is(machine.heldBy(A), 1)
})

test('R004-94: what is no directory, or states wrong sizes, is not made one', (t) => {
  const machine = new TreeMachine().recovered()
  const wrong = directory({ a: { ...A, entry: { ...A.entry, size: 2 } as typeof A.entry } })
  const twice = directory({
    a: A,
    b: { ...A, entry: { ...A.entry, size: 2 } as typeof A.entry },
  })
  const totals = directory({
    inner: { ...INNER, entry: { ...INNER.entry, files: 1 } as typeof INNER.entry },
  })
  machine.openHold()
  machine.putHeld([A, B, INNER, wrong, twice, totals])
  machine.make([INNER])
  for (const one of [A, wrong, twice, totals]) {
    const body = machine.answer({ type: 'make-directories', hold: HOLD, digests: [one.digest] })
    t.like(body, { type: 'failure', code: 'integrity' })
  }
  t.like(machine.answer({ type: 'make-directories', hold: HOLD, digests: [C.digest] }), {
    type: 'failure',
    code: 'not-found',
  })
  t.is(machine.heldBy(A), 1)
  for (const root of [A, C, wrong]) t.like(machine.commit(root), { code: 'not-found' })
})

test('R004-96: a tree of the greatest depth is stored and removed; one level more is too large', (t) => {
  const machine = new TreeMachine().recovered()
  machine.openHold()
  const levels = [directory({ a: A })]
  while (levels.length <= DIRECTORY_DEPTH) levels.push(directory({ d: levels.at(-1)! }))
  machine.putHeld([A, ...levels])
  const above = levels.pop()!
  const top = levels.at(-1)!
  for (const { digest } of levels) {
    machine.tell({ type: 'make-directories', hold: HOLD, digests: [digest] })
  }
  t.like(machine.answer({ type: 'make-directories', hold: HOLD, digests: [above.digest] }), {
    type: 'failure',
    code: 'too-large',
  })
  machine.commit(top, 'deep')
  t.false(machine.exists(above))
  t.like(machine.unbind('deep'), { tree: { removed: DIRECTORY_DEPTH + 1, complete: true } })
  t.deepEqual(machine.faults(), [])
})

test('R004-96: an empty directory holds nothing, and its removal says that it was a directory', (t) => {
  const machine = new TreeMachine().recovered()
  const empty = directory({})
  machine.putTree([], [empty], 'empty')
  t.true(machine.isDirectory(empty))
  const removed = machine.unbind('empty')
  const tree = { removed: 1, most: 1, complete: true }
  t.like(removed, { type: 'removed', digest: empty.digest, tree })
  t.deepEqual(machine.faults(), [])
})

test('R004-105: nothing is bound below a name of a directory, and no directory above a name', (t) => {
  const machine = withRoot()
  const conflict = { type: 'failure', code: 'conflict' }
  t.like(machine.put(1, 'root/x'), conflict)
  t.like(machine.put(1, 'root/x/y'), conflict)
  t.like(machine.answer({ type: 'bind', name: 'root/x', digest: A.digest }), conflict)
  t.like(machine.answer({ type: 'offer', digest: A.digest, size: 1, name: 'root/x' }), conflict)
  t.like(
    machine.answer({ type: 'offer', digest: file('new').digest, size: 1, name: 'root/x' }),
    conflict,
  )
  t.like(machine.put(1, 'rootx/y'), { type: 'stored' })
  t.like(machine.put(1, 'rootx'), { type: 'stored' }, 'a name of bytes excludes nothing')
  t.like(machine.put(2, 'a/b'), { type: 'stored' })
  const bindRoot = (name: string) =>
    machine.answer({ type: 'bind', name, digest: ROOT.digest, directory: true })
  t.like(bindRoot('a'), conflict)
  t.like(bindRoot('root/y'), conflict)
  t.like(bindRoot('a/c'), { found: { digest: ROOT.digest, directory: true } })
  t.like(bindRoot('a/c'), { found: { digest: ROOT.digest, directory: true } })
  t.like(machine.answer({ type: 'lookup', name: 'a/c', inline: false }), {
    found: { directory: true, fact: { directory: { files: 3 } } },
  })
  t.like(machine.answer({ type: 'bind', name: 'a/c', digest: ROOT.digest }), conflict)
  t.like(machine.answer({ type: 'bind', name: 'bytes', digest: ROOT.digest }), { type: 'binding' })
  t.like(bindRoot('bytes'), conflict)
  t.like(machine.answer({ type: 'bind', name: 'x', digest: A.digest, directory: true }), {
    code: 'not-found',
  })
  machine.openHold()
  t.like(machine.commit(ROOT, 'a'), conflict)
  t.like(machine.commit(ROOT, 'root/z'), conflict)
  t.like(machine.commit(ROOT, 'rootx'), conflict)
  t.like(machine.commit(ROOT, 'root'), { type: 'stored', receipts: [{ existed: true }] })
})

test('R004-105: of a name of a directory and one below it that are bound at one moment, one is', (t) => {
  const machine = withRoot()
  machine.pause()
  const bind = { type: 'bind', name: 'n', digest: ROOT.digest, directory: true } as const
  const answers = [
    machine.ask({ ...bind }),
    machine.ask({ type: 'bind', name: 'n/x', digest: A.digest }),
  ]
  while (machine.step());
  t.deepEqual(
    answers.map((answer) => answer()?.type),
    ['binding', 'failure'],
  )
  machine.pause()
  const reversed = [
    machine.ask({ type: 'bind', name: 'm/x', digest: A.digest }),
    machine.ask({ ...bind, name: 'm' }),
  ]
  while (machine.step());
  t.deepEqual(
    reversed.map((answer) => answer()?.type),
    ['binding', 'failure'],
  )
})

test('R004-106: no new name begins with a key and a slash', (t) => {
  const machine = withRoot()
  for (const name of [`${new Key(A.digest).toString()}/x`, `${new Key(A.digest).toHex()}/x`]) {
    t.like(machine.put(1, name), { type: 'failure', code: 'usage' })
    t.like(machine.answer({ type: 'bind', name, digest: A.digest }), { code: 'usage' })
    t.like(machine.answer({ type: 'bind', name, digest: ROOT.digest, directory: true }), {
      code: 'usage',
    })
  }
})

test('R004-88: holds are bounded, their ids are free again, and a release is repeatable', (t) => {
  const machine = new TreeMachine().recovered()
  const id = (n: number): Uint8Array => Buffer.from(n.toString(16).padStart(32, '0'), 'hex')
  for (let n = 0; n < HOLDS; n++) machine.tell({ type: 'hold', id: id(n), release: false })
  t.like(machine.openHold(id(HOLDS)), { type: 'failure', code: 'busy' })
  t.is(machine.openHold(id(0)).type, 'held')
  machine.crash()
  t.like(machine.openHold(id(HOLDS)), { type: 'failure', code: 'busy' })
  for (let i = 0; i < 2; i++) t.is(machine.releaseHold(id(0)).type, 'held')
  t.is(machine.openHold(id(HOLDS)).type, 'held')
})

test('R004-88: a reader may not open holds, and a writer may', (t) => {
  const machine = new TreeMachine().recovered()
  const [reader, writer] = [
    machine.hello('R', {}, 'reader'),
    machine.hello('W', { bootId: new Uint8Array(16).fill(3) }, 'writer'),
  ]
  const requests = [
    { type: 'hold', id: HOLD, release: false },
    { type: 'present', hold: HOLD, items: [{ digest: A.digest, directory: false }] },
    { type: 'make-directories', hold: HOLD, digests: [] },
    { type: 'commit-tree', hold: HOLD, digest: A.digest, name: undefined },
  ] as const
  for (const request of requests) {
    t.like(machine.answer(request, reader), { type: 'failure', code: 'not-permitted' })
    const body = machine.answer(request, writer)
    t.false(body.type === 'failure' && body.code === 'not-permitted')
  }
})

test('R004-3: a session of version 1 has no requests of trees, and goes on', (t) => {
  const machine = new TreeMachine().recovered()
  const session = machine.hello('old', { versions: [1] })
  machine.message(session, { id: 5, body: { type: 'hold', id: HOLD, release: false } })
  t.like(machine.sentTo(session).at(-1), { id: 5, body: { type: 'failure', code: 'incompatible' } })
  machine.message(session, { id: 6, body: { type: 'ping' } })
  t.like(machine.sentTo(session).at(-1), { id: 6, body: { type: 'pong' } })
  const newer = machine.hello('new', { versions: [4, 2, 1] })
  t.like(machine.sentTo(newer).at(-1)?.body, { type: 'welcome', version: 2 })
  machine.message(newer, { id: 5, body: { type: 'hold', id: HOLD, release: false } })
  t.like(machine.sentTo(newer).at(-1), { id: 5, body: { type: 'held' } })
})
