import type { Request } from '../../../../src/index/message.ts'
import { answerAt } from '../../../../src/index/versions.ts'
import { test } from '../../../serial.ts'
import { Machine, digestOf, valueOf } from '../machine.ts'

const naming = { tag: true }

const OF_TAGS: readonly Request[] = [
  { type: 'rebind', name: 'n', digest: digestOf(1) },
  { type: 'tag-history', name: 'n' },
  { type: 'bind', name: 'n', digest: digestOf(1), naming: { expiresMs: 1 } },
  { type: 'put', values: [valueOf(1)], name: 'n', naming },
  { type: 'offer', digest: digestOf(1), size: 1, name: 'n', naming },
]

test('R004-3: a session of version 2 has no requests of tags or expiry, and goes on', (t) => {
  const machine = new Machine()
  machine.put(1)
  const session = machine.hello('old', { versions: [2, 1] })
  for (const [i, request] of OF_TAGS.entries()) {
    machine.message(session, { id: 10 + i, body: request })
    t.like(machine.sentTo(session).at(-1), {
      id: 10 + i,
      body: { type: 'failure', code: 'incompatible' },
    })
  }
  machine.message(session, { id: 5, body: { type: 'bind', name: 'n', digest: digestOf(1) } })
  t.like(machine.sentTo(session).at(-1), { id: 5, body: { type: 'binding' } })
  const newer = machine.hello('new')
  machine.message(newer, { id: 6, body: { ...OF_TAGS[0]!, name: 'tag' } as Request })
  t.like(machine.sentTo(newer).at(-1), { id: 6, body: { type: 'rebound' } })
})

test('R004-3: a watcher of version 2 gets a rebind as a bind', (t) => {
  const runId = new Uint8Array(16)
  const change = {
    seq: 3,
    type: 'rebind',
    digest: digestOf(1),
    names: ['n'],
    size: undefined,
    peer: undefined,
    role: undefined,
  } as const
  const body = {
    type: 'watched',
    position: { runId, seq: 3 },
    changes: [change],
    lost: false,
  } as const
  t.like(answerAt(2, body), { changes: [{ seq: 3, type: 'bind', names: ['n'] }] })
  t.is(answerAt(3, body), body)
})
