/** Tickets and members, as Global's index decides about them. */
import { test } from '../../serial.ts'
import { TICKETS, TICKET_KEPT_MS, WALL_SETTLED_MS } from '../../../src/limits.ts'
import { TICKET_ROWS } from '../../../src/membership/record.ts'
import { hashSecret } from '../../../src/membership/ticket.ts'
import { VERSIONS } from '../../../src/index/versions.ts'
import { Machine, boot } from './machine.ts'

const SECRET = boot(7)

const invite = (fields: { secret?: Uint8Array; uses?: number; validMs?: number } = {}) => {
  const { secret = SECRET, uses = 1, validMs = 60_000 } = fields
  return {
    type: 'invite',
    secretHash: hashSecret(secret),
    role: 'writer',
    uses,
    validMs,
  } as const
}

/** A stranger shows a ticket; the last thing that it hears. */
function join(machine: Machine, peer: string, secret: Uint8Array = SECRET): unknown {
  const session = machine.open(peer)
  const rest = { position: undefined, highestSeen: 0, ticketSecret: secret }
  const body = { type: 'hello', versions: VERSIONS, bootId: boot(1), ...rest } as const
  machine.message(session, { id: 1, body })
  return machine.last(session)
}

const REFUSED = { type: 'failure', code: 'not-permitted' }

test('R006-4 the last use of a ticket that two peers show at the same moment admits one of them', (t) => {
  const machine = new Machine()
  machine.answer(invite())
  machine.holds.add('commit')
  const sessions = ['A', 'B'].map((peer) => {
    join(machine, peer)
    return peer
  })
  machine.release()
  t.deepEqual(
    sessions.map((peer) => machine.index.members.roleOf(peer)),
    ['writer', undefined],
  )
  t.like(join(machine, 'C'), REFUSED)
})

test('R006-4 R006-6 a ticket admits as many as it has uses, until the moment that it expires', (t) => {
  const machine = new Machine()
  machine.answer(invite({ uses: 2, validMs: 1000 }))
  t.like(join(machine, 'A'), { type: 'welcome' })
  t.like(join(machine, 'A'), { type: 'welcome' }, 'who has the role keeps the uses')
  machine.now = 999
  t.like(join(machine, 'B'), { type: 'welcome' })
  t.like(join(machine, 'C'), REFUSED, 'used up')
  const other = boot(8)
  machine.answer(invite({ secret: other, uses: 9, validMs: 1000 }))
  machine.now = 1999
  t.like(join(machine, 'C', other), REFUSED, 'expired')
  t.like(join(machine, 'C', boot(9)), REFUSED, 'never made')
})

test('R006-5 an expulsion voids the ticket that the member came by', (t) => {
  const machine = new Machine()
  machine.answer(invite({ uses: 9 }))
  t.like(join(machine, 'A'), { type: 'welcome' })
  machine.answer({ type: 'expel', peer: 'A', timeoutMs: 1 })
  t.like(join(machine, 'A'), REFUSED)
  t.like(join(machine, 'B'), REFUSED)
})

test('R006-5 a ticket is void once its maker is no longer an admin', (t) => {
  const machine = new Machine()
  const admin = machine.hello('admin')
  machine.ask(invite({ uses: 9 }), admin)
  t.like(join(machine, 'A'), { type: 'welcome' })
  machine.answer({ type: 'admit', peer: 'admin', role: 'writer' })
  t.like(join(machine, 'B'), REFUSED)
})

test('an invitation beyond the limit of tickets is answered with busy', (t) => {
  const machine = new Machine()
  const secret = (i: number): Uint8Array => Uint8Array.from([i >> 8, i & 255, ...boot(1)])
  for (let i = 0; i < TICKETS; i++) machine.answer(invite({ secret: secret(i) }))
  t.like(machine.answer(invite()), { type: 'failure', code: 'busy' })
  machine.tick(60_000 + TICKET_KEPT_MS - 1)
  t.like(machine.answer(invite()), { type: 'failure', code: 'busy' })
  machine.tick(1)
  t.like(machine.answer(invite()), { type: 'invited' }, 'expired ones make room')
})

test('R006-14 an expulsion asked for again is answered while the log holds it', (t) => {
  const machine = new Machine()
  machine.answer({ type: 'admit', peer: 'A', role: 'reader' })
  const expel = { type: 'expel', peer: 'A', timeoutMs: 1 } as const
  const first = machine.answer(expel)
  t.like(first, { type: 'removed' })
  t.deepEqual(machine.answer(expel), first)
  machine.handle({ type: 'trimmed', upto: machine.store.lastSeq, now: 0 })
  t.like(machine.answer(expel), { type: 'failure', code: 'not-found' })
})

test('R004-63 no ticket is deleted by a wall clock that is not trusted', (t) => {
  const machine = new Machine()
  const secret = (i: number): Uint8Array => Uint8Array.from([i >> 8, i & 255, ...boot(1)])
  for (let i = 0; i < TICKETS; i++) machine.answer(invite({ secret: secret(i) }))
  machine.tick(WALL_SETTLED_MS)
  machine.wallOffsetMs = 60_000 + TICKET_KEPT_MS
  machine.tick(250)
  t.like(machine.answer(invite()), { type: 'failure', code: 'busy' })
  machine.wallOffsetMs = 0
  machine.tick(250)
  t.like(join(machine, 'A', secret(0)), REFUSED, 'expired by now')
  t.is(machine.store.scan('meta', TICKET_ROWS).length, TICKETS, 'and remembered')
})

test('R004-63 an invitation deletes expired tickets only by a wall clock that is trusted', (t) => {
  const machine = new Machine()
  const ticketsLeft = (n: number): number => {
    machine.answer(invite({ secret: boot(n) }))
    return machine.store.scan('meta', TICKET_ROWS).length
  }
  t.is(ticketsLeft(1), 1)
  machine.wallOffsetMs = 60_000 + TICKET_KEPT_MS
  machine.tick(250)
  t.is(ticketsLeft(2), 2)
  machine.wallOffsetMs = 0
  machine.tick(60_000 + TICKET_KEPT_MS)
  machine.tick(WALL_SETTLED_MS)
  t.is(ticketsLeft(3), 2, 'the first is gone')
})

test('R005-56 who is a member already is answered once the store would find the member again', (t) => {
  const machine = new Machine()
  machine.answer(invite({ uses: 9 }))
  t.like(join(machine, 'A'), { type: 'welcome' })
  const welcomes = (): number =>
    machine.effects.filter(
      (effect) => effect.type === 'send' && effect.message.body.type === 'welcome',
    ).length
  t.is(welcomes(), 1)
  machine.holds.add('confirm')
  const again = machine.ask({ type: 'admit', peer: 'A', role: 'writer' })
  join(machine, 'A')
  t.deepEqual([again(), welcomes(), machine.held.length], [undefined, 1, 2])
  machine.release()
  t.deepEqual([again()?.type, welcomes()], ['admitted', 2])
})
