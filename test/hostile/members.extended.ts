/** Strangers, invalid tickets, and members that exceed their roles (006). */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { Place } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Shared, Target, assertUnharmed, during } from './arena.ts'
import { digestOf } from './keys.ts'
import { rangeField } from './lying-holder.ts'
import { INDEX, TRANSFER, failureText, hello, index, transfer } from './messages.ts'
import { INDEX_SAMPLES } from './samples.ts'
import type { Heard, IndexKind } from './messages.ts'
import { Peer } from './peer.ts'
import type { Line } from './peer.ts'
import type { Field } from './protobuf.ts'
import { readTicket, writeTicket } from './tickets.ts'

const shared = new Shared()
let global: Target
let healthy: Target

test.before(async () => {
  global = await Target.global(shared)
  healthy = await Target.local(shared, global)
})
test.after.always(() => shared.end())

/** What Global logs of a peer that it refused. */
const refusals = (why: string, peer: string): Promise<string[]> =>
  global.told('a peer was refused', `why=${why}`, peer)

const secretIn = (ticket: string): readonly Field[] => [[4, readTicket(ticket).secret]]

/** What answers a hello; `cut` where nothing does. */
async function greet(peer: Peer, more: readonly Field[] = []): Promise<string> {
  return greetWith(peer, hello(more))
}

async function greetWith(peer: Peer, greeting: Uint8Array): Promise<string> {
  try {
    const line = await peer.open(global.address, INDEX)
    await line.send(greeting)
    const answer = await line.index()
    if (answer?.kind === 'failure') return failureText(answer)
    return answer?.kind ?? 'cut'
  } catch {
    return 'cut'
  }
}

test('R006-11 R006-30 R006-33 a stranger learns nothing, whatever it asks, and is logged once', async (t) => {
  const key = await global.put(randomBytes(100_000))
  const values = await global.values()
  const watched = await during(global, healthy, async () => {
    t.regex(await greet(await Peer.create(t)), /^not-permitted: /)
    // What exists and what does not look the same from outside: in both cases, nothing.
    const outcomes = new Map<string, Set<string>>()
    for (const digest of [digestOf(key), randomBytes(32)]) {
      const seen = new Set<string>()
      for (const kind of [
        'locate',
        'list',
        'names',
        'watch',
        'put',
        'remove',
        'members',
      ] as const) {
        const fields =
          kind === 'locate' || kind === 'remove' ? [[1, digest] as const] : INDEX_SAMPLES[kind]
        seen.add(await answerToStranger(t, index(kind, 5, fields)))
      }
      seen.add(await fetched(await Peer.create(t), digest))
      outcomes.set(Buffer.from(digest).toString('hex'), seen)
    }
    const [one, other] = [...outcomes.values()]
    t.deepEqual(one, other)
    for (const outcome of one!) t.regex(outcome, /^(cut$|not-permitted: |protocol: )/)
  })
  assertUnharmed(t, global, watched)
  t.is(await global.values(), values + watched.done)
  // One host and one reason: one line, with how many there were by then; the others are counted.
  t.is((await global.told('a peer was refused', 'why=stranger')).length, 1)
  t.regex(global.lines('why=stranger')[0]!, /peer=12D3\w+ host=127\.0\.0\.1/)
  t.true((await global.status()).refused!['stranger']! > 1)
})

/** The answer to a new stranger, which tries again if it was cut before it read one. */
async function answerToStranger(t: ExecutionContext, message: Uint8Array): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const told = await greetWith(await Peer.create(t), message)
    if (told !== 'cut' || attempt === 5) return told
  }
}

/** The outcome of a fetch of this value. */
async function fetched(peer: Peer, digest: Uint8Array): Promise<string> {
  try {
    const line = await peer.open(global.address, TRANSFER)
    await line.send(transfer('fetch', [[1, digest]]))
    return (await line.transfer())?.kind ?? 'cut'
  } catch {
    return 'cut'
  }
}

test('R006-4 R006-5 a ticket that is forged, expired, used up, or of another Global admits no peer', async (t) => {
  const elsewhere = await Target.global(t)
  const expiring = await global.invite({ validMs: 1000 })
  const single = await global.invite({ uses: 1 })
  const first = await Peer.create(t)
  t.is(await greet(first, secretIn(single)), 'welcome')
  const secrets: [what: string, ticket: readonly Field[], says: RegExp][] = [
    ['made up', [[4, randomBytes(32)]], /^not-permitted: /],
    ['used up', secretIn(single), /^not-permitted: .*used/],
    ['of another Global', secretIn(await elsewhere.invite()), /^not-permitted: /],
    ['too short', [[4, randomBytes(31)]], /^(protocol|not-permitted): |^cut$/],
    ['too long', [[4, randomBytes(9000)]], /^(protocol|not-permitted): |^cut$/],
    ['empty', [[4, new Uint8Array(0)]], /^(protocol|not-permitted): |^cut$/],
  ]
  const watched = await during(global, healthy, async () => {
    for (const [what, secret, says] of secrets) {
      const stranger = await Peer.create(t)
      t.regex(await greet(stranger, secret), says, what)
      t.regex(await greet(stranger), /^not-permitted: /, `${what}: it is no member now`)
    }
    await sleep(1100)
    t.regex(await greet(await Peer.create(t), secretIn(expiring)), /^not-permitted: .*expired/)
  })
  assertUnharmed(t, global, watched)
  t.is((await global.told('a peer was refused', 'why=ticket')).length, 1)
  t.true((await global.status()).refused!['ticket']! >= 4)
  for (const ticket of [expiring, single]) {
    const secret = Buffer.from(readTicket(ticket).secret)
    for (const spelling of [secret.toString('hex'), secret.toString('base64'), ticket]) {
      t.deepEqual(global.lines(spelling), [], 'no secret is logged')
    }
  }
})

test('R006-4 of many that show a ticket for one at the same moment one gets in', async (t) => {
  const ticket = await global.invite({ uses: 1 })
  const peers = await Promise.all(Array.from({ length: 10 }, () => Peer.create(t)))
  const answers = await Promise.all(peers.map((peer) => greet(peer, secretIn(ticket))))
  t.is(answers.filter((answer) => answer === 'welcome').length, 1)
  for (const answer of answers) t.regex(answer, /^(welcome$|not-permitted: |cut$)/)
})

test('R006-6 R006-10 a replayed hello admits no other peer', async (t) => {
  const greeting = hello(secretIn(await global.invite({ uses: 1 })))
  const rightful = await Peer.create(t)
  t.is(await greetWith(rightful, greeting), 'welcome')
  const replaying = await Peer.create(t)
  t.regex(await greetWith(replaying, greeting), /^not-permitted: /)
  t.regex(await greet(replaying), /^not-permitted: /)
  // Whose identity it is may say it as often as it likes: the ticket is not touched.
  t.is(await greetWith(rightful, greeting), 'welcome')
})

test('R006-20 a reader that wants to write is refused, each time, and goes on reading', async (t) => {
  const value = randomBytes(1000)
  const key = await global.put(value)
  const values = await global.values()
  const reader = await global.member(t, 'reader')
  const line = reader.session
  const digest = digestOf(key)
  const wishes: Partial<Record<IndexKind, readonly Field[]>> = {
    put: [[1, 'mine']],
    offer: [
      [1, randomBytes(32)],
      [2, 100_000],
    ],
    bind: [
      [1, 'mine'],
      [2, digest],
    ],
    unbind: [[1, 'mine']],
    remove: [
      [1, digest],
      [3, true],
    ],
    invite: [
      [1, randomBytes(32)],
      [2, 'admin'],
      [3, 1],
      [4, 60_000],
    ],
    admit: [
      [1, reader.id],
      [2, 'admin'],
    ],
    expel: [[1, (await healthy.status()).peerId]],
    members: [[2, 10]],
  }
  let id = 100
  const ask = async (kind: IndexKind, fields: readonly Field[]): Promise<Heard<IndexKind>> => {
    await line.send(index(kind, ++id, fields))
    for (;;) {
      const answer = await line.index()
      if (answer === undefined) throw new Error(`${kind} ended the session`)
      if (answer.id === id) return answer
    }
  }
  const watched = await during(global, healthy, async () => {
    for (const [kind, fields] of Object.entries(wishes) as [IndexKind, readonly Field[]][]) {
      const answer = await ask(kind, fields)
      t.is(answer.kind, 'failure', kind)
      t.regex(failureText(answer), /^not-permitted: /, kind)
    }
    const upload = await reader.open(global.address, TRANSFER)
    await upload.send(transfer('upload', [[2, 4]]))
    const answer = await upload.transfer()
    t.regex(answer?.kind === 'failure' ? failureText(answer) : '', /^not-permitted: /)
    t.is((await ask('locate', [[1, digest]])).kind, 'located')
  })
  assertUnharmed(t, global, watched)
  t.is(await global.values(), values + watched.done)
  t.is((await refusals('role', reader.id)).length, 1)
})

test('R006-13 R006-14 an expelled member is cut off during a transfer, and stays out', async (t) => {
  const size = 30_000_000
  const key = await global.put(randomBytes(size))
  const member = await global.member(t)
  const line = await member.open(global.address, TRANSFER)
  await line.send(transfer('fetch', [[1, digestOf(key)], rangeField({ start: 0, end: size })]))
  await line.bytes(500_000)
  // It holds the rest up, so that there is a transfer to cut.
  line.stream.pause()
  const watched = await during(global, healthy, async () => {
    const { status, body } = await global.call('DELETE', `/v1/members/${member.id}`)
    t.is(status, 200)
    const told = JSON.parse(body.toString()) as { acknowledged: string[]; owed: string[] }
    // The other hostile members of this file acknowledge nothing, and are named for it.
    t.true(told.acknowledged.includes((await healthy.status()).peerId))
    t.false(told.owed.includes(member.id))
    const isCut = (): boolean =>
      line.stream.status !== 'open' && member.session.stream.status !== 'open'
    t.true(await eventually(isCut))
  })
  assertUnharmed(t, global, watched)
  t.true(line.received < size / 2, `${line.received} bytes`)
  t.regex(await greet(member), /^not-permitted: /)
  t.is(await fetched(member, digestOf(key)), 'cut')
  t.is((await refusals('expelled', member.id)).length, 1)
})

test('R006-2 R006-7 another peer at the address of the ticket is shown no secret', async (t) => {
  const impostor = await Peer.create(t, { listen: true })
  const heard: Line[] = []
  await impostor.handle(INDEX, (line) => {
    heard.push(line)
    return Promise.resolve()
  })
  const real = readTicket(await global.invite())
  const [address] = impostor.address.split('/p2p/')
  const place = new Place(t)
  const forged = writeTicket({ ...real, addresses: [address!] })
  writeFileSync(place.file('ticket'), forged, { mode: 0o600 })
  const { exit, stderr } = await place.run(['join', `@${place.file('ticket')}`])
  t.is(exit, 5, stderr)
  t.regex(stderr, /another peer/)
  t.deepEqual(heard, [])
  t.false(stderr.includes(forged))
})

test('R006-34 strangers that keep failing are refused unheard, and members are not', async (t) => {
  const watched = await during(global, healthy, async () => {
    const floods = async (): Promise<number> => (await global.status()).refused!['flood']!
    const fail = async (): Promise<string> => greet(await Peer.create(t), [[4, randomBytes(32)]])
    // Some are turned away for being too many at once, which is no failure. The window of
    // failures may end at any moment: so the next stranger must be cut, and counted as one of a
    // flood.
    const isDeaf = async (): Promise<boolean> => {
      const outcomes = await Promise.all(Array.from({ length: 10 }, fail))
      for (const outcome of outcomes) t.regex(outcome, /^(cut$|not-permitted: )/)
      const before = await floods()
      return before > 0 && (await fail()) === 'cut' && (await floods()) > before
    }
    t.true(await eventually(isDeaf, 120_000))
  })
  assertUnharmed(t, global, watched)
  t.is((await global.told('a peer was refused', 'why=flood')).length, 1)
  // Members come and go from the same host as before.
  const member = await Peer.create(t)
  await global.admit(member.id)
  t.is(await greet(member), 'welcome')
})
