import { test } from '../../serial.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { hashSecret } from '../../../src/membership/ticket.ts'
import type { IndexDriver } from '../../../src/node/global/index-driver.ts'
import { IndexDriver as Host } from '../../../src/node/global/index-driver.ts'
import { SILENT } from '../../../src/log.ts'
import { Repair } from '../../../src/node/global/repair.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { channelPair } from '../../wire/memory-pair.ts'
import type { Body } from '../../../src/index/message.ts'
import { openHost, Stranger } from '../../network/stranger.ts'

const secret = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const HOUR = 3_600_000

async function begin(store: Store, wall = Date.now): Promise<IndexDriver> {
  const now = (): number => performance.now()
  const repair = new Repair({ store, log: SILENT, holders: () => [] })
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  return Host.open({ store, repair, log: SILENT, now, wall, random })
}

function meet(host: IndexDriver, who: string): Stranger {
  const [first, second] = channelPair({ peers: [who, 'Global'] })
  const [mine, theirs] = first.peer === who ? [second, first] : [first, second]
  void host.serve(theirs)
  return new Stranger(mine)
}

const invite = (host: IndexDriver, n: number, uses = 1, validMs = HOUR) =>
  host.ask({ type: 'invite', secretHash: hashSecret(secret(n)), role: 'writer', uses, validMs })

const show = async (host: IndexDriver, who: string, n: number): Promise<Body | undefined> =>
  (await meet(host, who).hello({ ticketSecret: secret(n) }))?.body

test('R006-4: many race for a ticket of three uses: three win', async (t) => {
  const host = await openHost(t)
  await invite(host, 1, 3)
  const racers = Array.from({ length: 12 }, (_, i) => show(host, `peer ${i}`, 1))
  const types = (await Promise.all(racers)).map((body) => body?.type)
  t.is(types.filter((type) => type === 'welcome').length, 3)
  t.is(types.filter((type) => type === 'failure').length, 9)
  t.is(host.index.members.peers().length, 3)
})

test('R006-6: a hello whose answer was lost may show the ticket again; it is not used twice', async (t) => {
  const host = await openHost(t)
  await invite(host, 1, 2)
  t.is((await show(host, 'a', 1))?.type, 'welcome')
  t.is((await show(host, 'a', 1))?.type, 'welcome')
  t.is((await show(host, 'a', 9))?.type, 'welcome', 'nor does a wrong one harm a member')
  t.is((await show(host, 'b', 1))?.type, 'welcome')
  t.is((await show(host, 'c', 1))?.type, 'failure')
})

test('R006-6: a ticket of a higher role raises a member, one of a lower role is not touched', async (t) => {
  const host = await openHost(t)
  await host.ask({ type: 'admit', peer: 'a', role: 'reader' })
  await invite(host, 1)
  t.is((await show(host, 'a', 1))?.type, 'welcome')
  t.is(host.index.members.roleOf('a'), 'writer')
  const reader = {
    secretHash: hashSecret(secret(2)),
    role: 'reader',
    uses: 1,
    validMs: HOUR,
  } as const
  await host.ask({ type: 'invite', ...reader })
  t.is((await show(host, 'a', 2))?.type, 'welcome')
  t.is(host.index.members.roleOf('a'), 'writer')
  t.is((await show(host, 'b', 2))?.type, 'welcome', 'its use is still there')
})

test('R006-13: what is left of the ticket by which an expelled member came is void', async (t) => {
  const host = await openHost(t)
  await invite(host, 1, 10)
  await show(host, 'a', 1)
  await host.ask({ type: 'expel', peer: 'a', timeoutMs: 1000 })
  for (const peer of ['a', 'b']) {
    t.like(await show(host, peer, 1), { type: 'failure', code: 'not-permitted' }, peer)
  }
  await invite(host, 2)
  t.is((await show(host, 'a', 2))?.type, 'welcome', 'a new ticket admits it again')
})

test('R006-4: a ticket admits until it expires, and no longer', async (t) => {
  let time = 0
  const awake = setInterval(() => undefined, 1000)
  const host = await begin(createMemoryStore(), () => time)
  t.teardown(async () => {
    clearInterval(awake)
    await host.close()
  })
  await invite(host, 1, 10, 60_000)
  time = 59_999
  t.is((await show(host, 'a', 1))?.type, 'welcome')
  time = 60_000
  t.like(await show(host, 'b', 1), { type: 'failure', code: 'not-permitted' })
})

test('R006-5: the tickets of an admin that is none any more are void', async (t) => {
  const host = await openHost(t)
  await host.ask({ type: 'admit', peer: 'boss', role: 'admin' })
  const boss = meet(host, 'boss')
  await boss.hello()
  const ticket = {
    secretHash: hashSecret(secret(3)),
    role: 'admin',
    uses: 5,
    validMs: HOUR,
  } as const
  await boss.say({ type: 'invite', ...ticket }, 20)
  t.is((await boss.hear())?.body.type, 'invited')
  await host.ask({ type: 'admit', peer: 'boss', role: 'writer' })
  t.like(await show(host, 'friend', 3), { type: 'failure', code: 'not-permitted' })
  await host.ask({ type: 'admit', peer: 'boss', role: 'admin' })
  t.is((await show(host, 'friend', 3))?.type, 'welcome', 'for no other reason')
})

test('R006-3, R006-10: members, tickets and expulsions outlive Global, the register of who is none does not', async (t) => {
  const store = createMemoryStore()
  const awake = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(awake))
  const first = await begin(store)
  await invite(first, 1, 2)
  await show(first, 'a', 1)
  await first.ask({ type: 'admit', peer: 'b', role: 'reader' })
  await first.ask({ type: 'admit', peer: 'c', role: 'reader' })
  await first.ask({ type: 'expel', peer: 'c', timeoutMs: 500 })
  await first.close()
  const second = await begin(store)
  t.teardown(() => second.close())
  t.deepEqual(second.index.members.peers(), ['a', 'b'])
  t.true(second.index.members.wasExpelled('c'))
  t.is((await show(second, 'd', 1))?.type, 'welcome')
  t.like(await show(second, 'e', 1), { type: 'failure' })
  const { owed } = await second.ask({ type: 'expel', peer: 'c', timeoutMs: 200 })
  t.deepEqual(
    owed.filter((peer) => peer === 'c'),
    [],
  )
  await t.throwsAsync(second.ask({ type: 'expel', peer: 'nobody', timeoutMs: 1 }), {
    code: 'not-found',
  })
})

test('R006-12: who is admitted and expelled is told to watchers and to every Local, in order', async (t) => {
  const host = await openHost(t)
  await host.ask({ type: 'admit', peer: 'a', role: 'reader' })
  const a = meet(host, 'a')
  const welcome = (await a.hello())!.body as Body & { type: 'welcome' }
  t.deepEqual(welcome.members, ['a'])
  await a.say({ type: 'ack', seq: welcome.position.seq }, 0)
  await host.ask({ type: 'admit', peer: 'b', role: 'writer' })
  const admitted = (await a.hear())!.body as Body & { type: 'feed' }
  t.like(admitted.memberships[0], { peer: 'b', admitted: true })
  const expelling = host.ask({ type: 'expel', peer: 'b', timeoutMs: 5000 })
  await a.say({ type: 'ack', seq: admitted.upto }, 0)
  const expelled = (await a.hear())!.body as Body & { type: 'feed' }
  t.like(expelled.memberships[0], { peer: 'b', admitted: false })
  await a.say({ type: 'ack', seq: expelled.upto }, 0)
  t.like(await expelling, { acknowledged: ['a'], owed: [] })
  const after = { ...welcome.position }
  const watched = await host.ask({ type: 'watch', after, waitMs: 0, limit: 10 })
  t.deepEqual(
    watched.changes.map(({ type, peer, role }) => [type, peer, role]),
    [
      ['admit', 'b', 'writer'],
      ['expel', 'b', undefined],
    ],
  )
})

const REQUESTS: Readonly<Record<string, readonly [needs: string, body: Body]>> = {
  put: ['writer', { type: 'put', values: [Uint8Array.of(1)], name: undefined }],
  offer: ['writer', { type: 'offer', digest: secret(1), size: 1e6, name: undefined }],
  bind: ['writer', { type: 'bind', name: 'n', digest: secret(1) }],
  remove: ['admin', { type: 'remove', digest: secret(1), timeoutMs: 1, force: false }],
  // Of a tag; of a fixed name, see the next test.
  unbind: ['writer', { type: 'unbind', name: 'n', keepValue: false, timeoutMs: 1 }],
  invite: [
    'admin',
    { type: 'invite', secretHash: secret(1), role: 'reader', uses: 1, validMs: HOUR },
  ],
  admit: [
    'admin',
    { type: 'admit', peer: '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X', role: 'admin' },
  ],
  expel: ['admin', { type: 'expel', peer: 'a', timeoutMs: 1 }],
  members: ['admin', { type: 'members', after: undefined, limit: 10 }],
}

for (const [name, [needs, body]] of Object.entries(REQUESTS)) {
  test(`R006-20: ${name} needs a ${needs}, and says nothing else to whoever is less`, async (t) => {
    const host = await openHost(t)
    await host.ask({ type: 'put', values: [Uint8Array.of(9)], name: undefined })
    const { seq } = host.index.position
    const less = needs === 'writer' ? ['reader'] : ['reader', 'writer']
    for (const role of less as ('reader' | 'writer')[]) {
      await host.ask({ type: 'admit', peer: role, role })
      const member = meet(host, role)
      await member.hello()
      await member.say(body, 20)
      const answer = await member.hear()
      t.like(answer?.body, { type: 'failure', code: 'not-permitted' })
      t.regex((answer!.body as { message: string }).message, new RegExp(`role ${needs}`))
    }
    t.is(host.index.position.seq, seq + less.length, 'nothing but the admissions was done')
    await host.ask({ type: 'admit', peer: 'b', role: needs as 'admin' })
    const allowed = meet(host, 'b')
    await allowed.hello()
    await allowed.say(body, 20)
    const { body: answer } = (await allowed.hear())!
    t.not((answer as { code?: string }).code, 'not-permitted', JSON.stringify(answer))
  })
}

test('R006-20: a role that is taken away counts for the next request', async (t) => {
  const host = await openHost(t)
  await host.ask({ type: 'admit', peer: 'a', role: 'writer' })
  const a = meet(host, 'a')
  const welcome = (await a.hello())!.body as Body & { type: 'welcome' }
  const put = (n: number) => ({ type: 'put', values: [Uint8Array.of(n)], name: undefined }) as const
  await a.say(put(1), 20)
  t.like((await a.hear())?.body, { type: 'stored' })
  await host.ask({ type: 'admit', peer: 'a', role: 'reader' })
  await a.say(put(2), 21)
  t.like((await a.hear())?.body, { type: 'failure', code: 'not-permitted' })
  t.truthy(welcome)
  const { digest } = hash(Uint8Array.of(2))
  const { facts } = await host.ask({ type: 'locate', digests: [digest], inline: false })
  t.is(facts[0], undefined)
})

test('R006-30: a stranger cannot send more than a hello before it is a member', async (t) => {
  const host = await openHost(t)
  const stranger = meet(host, 'nobody')
  await stranger.shout(new Uint8Array(100_000)).catch(() => undefined)
  t.like((await stranger.last())?.body, { type: 'failure', code: 'protocol' })
  const other = meet(host, 'nobody else')
  await other.say({ type: 'put', values: [Uint8Array.of(1)], name: undefined })
  t.like((await other.last())?.body, { type: 'failure', code: 'protocol' })
})

test('R006-46 R006-47 R006-48: a label is that of the ticket, else the machine’s, and no two are the same', async (t) => {
  const host = await openHost(t)
  const ticket = (n: number, label?: string, role: 'reader' | 'writer' = 'reader') => {
    const terms = { role, uses: 2, validMs: HOUR, ...(label && { label }) } as const
    return host.ask({ type: 'invite', secretHash: hashSecret(secret(n)), ...terms })
  }
  const join = async (who: string, n: number, from?: string): Promise<unknown> =>
    (await meet(host, who).hello({ ticketSecret: secret(n), ...(from && { host: from }) }))?.body
      .type
  const labels = async (): Promise<unknown[]> => {
    const page = await host.ask({ type: 'members', after: undefined, limit: 100 })
    return page.items.map(({ label }) => label)
  }
  await ticket(1)
  await ticket(2, 'ci')
  t.is(await join('peer-a', 1, 'build-7'), 'welcome')
  t.is(await join('peer-b', 1), 'welcome')
  t.is(await join('peer-c', 2, 'build-8'), 'welcome')
  t.is(await join('peer-d', 2, 'build-9'), 'welcome')
  await host.ask({ type: 'admit', peer: 'peer-e', role: 'reader' })
  t.deepEqual(await labels(), ['build-7', undefined, 'ci', 'ci-peer-d', undefined])
  // A change of role keeps the label; a ticket with one sets it.
  await host.ask({ type: 'admit', peer: 'peer-a', role: 'admin' })
  await ticket(3, 'renamed', 'writer')
  t.is(await join('peer-b', 3, 'other'), 'welcome')
  t.deepEqual(await labels(), ['build-7', 'renamed', 'ci', 'ci-peer-d', undefined])
})
