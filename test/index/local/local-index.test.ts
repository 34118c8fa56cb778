/** What a Local's index makes of what goes on beside its stream. */
import test from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { keySubject } from '../../../src/index/local/in-flight.ts'
import { LocalIndex } from '../../../src/index/local/local-index.ts'
import type { Position } from '../../../src/index/message.ts'

const DIGEST = new Uint8Array(32).fill(5)
const THING = keySubject(DIGEST)

const run = (n: number): Uint8Array => new Uint8Array(16).fill(n)

function away(): LocalIndex {
  return new LocalIndex({ bootId: run(9), now: 0 })
}

/** Global welcomes it, where it stood before or anew. */
function welcome(index: LocalIndex, position: Position, reset: boolean): void {
  index.handle({ type: 'opened', now: 1 })
  const body = {
    type: 'welcome',
    version: 1,
    position,
    leaseMs: undefined,
    reset,
    members: [],
  } as const
  index.handle({ type: 'message', message: { id: 1, body }, now: 2 })
  if (reset) index.handle({ type: 'held', digests: [], now: 3 })
}

function connected(): LocalIndex {
  const index = away()
  welcome(index, { runId: run(1), seq: 8 }, true)
  return index
}

test('R004-17 what was put on a link that has lasted is fresh', (t) => {
  const index = connected()
  const flight = index.begin(DIGEST)
  t.true(flight.isFresh(THING, 9))
  t.is(index.link, 'connected')
})

test('R004-17 an upload that a broken link has overtaken is not kept: its seq may be of a history that never was', (t) => {
  const index = connected()
  const flight = index.begin(DIGEST)
  const error = new DstoreError('unreachable', 'the link broke')
  index.handle({ type: 'closed', now: 4, error })
  t.false(flight.isFresh(THING, 9))
  // A Global that was restored from a backup begins its run where the upload was; the hello did not know of it.
  welcome(index, { runId: run(2), seq: 9 }, false)
  t.is(index.link, 'connected')
  t.false(flight.isFresh(THING, 9))
  t.true(index.begin(DIGEST).isFresh(THING, 10))
})

test('R004-17 what is put without a link is not kept: nothing is known of the history that it is in', (t) => {
  t.false(away().begin(DIGEST).isFresh(THING, 9))
})
