/**
 * The state machines at both ends of the index stream, given any messages that a decoder accepts,
 * in any order: they answer or hang up, and never throw. A closed session is never used again.
 */
import { test } from '../serial.ts'
import { decodeMessage } from '../../src/index/codec/decode.ts'
import { GlobalIndex, SELF } from '../../src/index/global/global-index.ts'
import type { GlobalEffect } from '../../src/index/global/global-events.ts'
import { LocalIndex } from '../../src/index/local/local-index.ts'
import type { LocalEffect } from '../../src/index/local/local-events.ts'
import type { Message } from '../../src/index/message.ts'
import { Members } from '../../src/membership/members.ts'
import { indexMessage } from './messages.ts'
import { INDEX_SAMPLES } from './samples.ts'
import type { IndexKind } from './messages.ts'
import { Mutator } from './mutations.ts'

const SEED = Number(process.env['DSTORE_SEED'] ?? 7)

/** Messages that each machine receives. */
const TOLD = 10 * Number(process.env['DSTORE_MUTATIONS'] ?? 1000)

const KINDS = Object.keys(INDEX_SAMPLES) as IndexKind[]
const RUN = new Uint8Array(16).fill(3)

/** A message as a decoder lets it through: sound, or mutated and still taken. */
function anything(mutator: Mutator): Message {
  for (;;) {
    const kind = mutator.pick(KINDS)
    const sound = indexMessage(kind, mutator.below(40), INDEX_SAMPLES[kind])
    if (mutator.below(3) === 0) return decodeMessage(sound)
    try {
      return decodeMessage(mutator.mutate(sound, sound))
    } catch {
      // Not let through.
    }
  }
}

test('R004-4 a Local that receives any message continues or hangs up', (t) => {
  const mutator = new Mutator(SEED)
  const local = new LocalIndex({ bootId: RUN, now: 0 })
  const seen: Record<string, number> = {}
  let now = 0
  let ticket = 0
  let isOpen = false
  /** Where the feed stands, and the last question that was asked. */
  let at = 0
  let asked = 0
  const take = (effects: readonly LocalEffect[]): void => {
    for (const effect of effects) {
      seen[effect.type] = (seen[effect.type] ?? 0) + 1
      if (effect.type === 'send' && effect.message.body.type === 'locate') asked = effect.message.id
      if (effect.type === 'reset') take(local.handle({ type: 'held', digests: [], now }))
      else if (effect.type === 'close' && isOpen) {
        isOpen = false
        take(local.handle({ type: 'closed', now, error: effect.error }))
      }
    }
  }
  for (let i = 0; i < TOLD; i++) {
    now += mutator.below(200)
    if (!isOpen) {
      isOpen = true
      at = 7
      take(local.handle({ type: 'opened', now }))
      // Mostly it is welcomed first, or it would not get far.
      if (mutator.below(8) > 0) {
        const { body } = decodeMessage(indexMessage('welcome', 1, INDEX_SAMPLES.welcome))
        take(local.handle({ type: 'message', message: { id: 1, body }, now }))
      }
    }
    const chance = mutator.below(10)
    if (chance === 0) take(local.handle({ type: 'tick', now }))
    else if (chance === 1) take(local.handle({ type: 'check-freshness', ticket: ++ticket, now }))
    else if (chance === 2) {
      const body = { type: 'locate', digests: [new Uint8Array(32)], inline: true } as const
      take(local.handle({ type: 'request', ticket: ++ticket, body, now }))
    }
    const next = mutator.below(3)
    if (next === 0) {
      const loss = [
        [1, `name-${at}`],
        [2, at + 1],
      ] as const
      const feed = indexMessage('feed', 0, [
        [1, at],
        [2, (at += 2)],
        [4, loss],
      ])
      take(local.handle({ type: 'message', message: decodeMessage(feed), now }))
    } else if (next === 1 && asked !== 0) {
      const located = indexMessage('located', asked, [
        [
          1,
          [
            [1, true],
            [2, 5],
            [3, 1 + mutator.below(at)],
          ],
        ],
      ])
      take(local.handle({ type: 'message', message: decodeMessage(located), now }))
      asked = 0
    } else if (isOpen && mutator.below(4) === 0) {
      take(local.handle({ type: 'message', message: anything(mutator), now }))
    }
  }
  t.true(seen['close']! > 100 && seen['settle']! > 100 && seen['apply']! > 10, JSON.stringify(seen))
  t.log(JSON.stringify(seen))
})

test('R004-2 R004-4 R006-20 a Global that receives any message answers or hangs up, and writes nothing for a stranger', (t) => {
  const mutator = new Mutator(SEED)
  const member = { role: 'admin', sinceMs: 0, expelled: 0, ticket: undefined } as const
  const global = new GlobalIndex({
    recovered: {
      runs: [{ id: RUN, start: 1 }],
      locals: new Map(),
      members: new Members(new Map([['member', member]])),
      longestLeaseMs: 0,
      newestWallMs: undefined,
      trimmed: 0,
      seq: 1,
    },
    now: 0,
    wall: () => 0,
  })
  const seen: Record<string, number> = {}
  const gone = new Set<number>()
  let now = 0
  let seq = 1
  let session = SELF
  let isStranger = false
  const take = (effects: readonly GlobalEffect[]): void => {
    for (const effect of effects) {
      seen[effect.type] = (seen[effect.type] ?? 0) + 1
      switch (effect.type) {
        case 'send':
          t.false(gone.has(effect.session), 'it was hung up on')
          break
        case 'close':
          gone.add(effect.session)
          take(global.handle({ type: 'closed', session: effect.session, now }))
          break
        // The store of this Global is empty, and takes everything.
        case 'read':
          take(
            global.handle({
              type: 'rows',
              ticket: effect.ticket,
              rows: effect.keys.map(() => undefined),
              now,
            }),
          )
          break
        case 'load':
          take(
            global.handle({
              type: 'loaded',
              ticket: effect.ticket,
              values: effect.values.map(() => undefined),
              now,
            }),
          )
          break
        case 'stage': {
          const failure = {
            type: 'failure',
            code: 'no-space',
            message: 'full',
            hint: undefined,
          } as const
          take(global.handle({ type: 'failed', ticket: effect.ticket, failure, now }))
          break
        }
        case 'commit':
          t.false(isStranger, 'a stranger changed something')
          take(global.handle({ type: 'committed', ticket: effect.ticket, seq: ++seq, now }))
          break
        case 'commit-all':
          t.false(isStranger, 'a stranger changed something')
          take(
            global.handle({
              type: 'committed-all',
              ticket: effect.ticket,
              seqs: effect.transactions.map(() => ++seq),
              now,
            }),
          )
          break
        case 'replay':
          take(
            global.handle({
              type: 'replayed',
              session: effect.session,
              after: effect.after,
              changes: [],
              now,
            }),
          )
          break
        default:
          break
      }
    }
  }
  for (let i = 0; i < TOLD; i++) {
    now += mutator.below(200)
    if (session === SELF || gone.has(session) || mutator.below(100) === 0) {
      if (session !== SELF && !gone.has(session)) {
        gone.add(session)
        take(global.handle({ type: 'closed', session, now }))
      }
      isStranger = mutator.below(3) === 0
      session++
      take(
        global.handle({ type: 'opened', session, peer: isStranger ? 'stranger' : 'member', now }),
      )
      if (mutator.below(8) > 0) {
        const { body } = decodeMessage(indexMessage('hello', 1, INDEX_SAMPLES.hello))
        take(global.handle({ type: 'message', session, message: { id: 1, body }, now }))
      }
    }
    if (mutator.below(10) === 0) take(global.handle({ type: 'tick', now }))
    if (!gone.has(session))
      take(global.handle({ type: 'message', session, message: anything(mutator), now }))
  }
  t.true(
    seen['close']! > 100 && seen['commit']! > 10 && seen['refused']! > 10,
    JSON.stringify(seen),
  )
  t.log(JSON.stringify(seen))
})
