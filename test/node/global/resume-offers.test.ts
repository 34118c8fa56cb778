import test from 'ava'
import type { Offered } from '../../../src/index/message.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { Offers } from '../../../src/node/global/resume-offers.ts'
import type { Repair } from '../../../src/node/global/repair.ts'
import type { Store } from '../../../src/store/store.ts'

const DIGEST = new Uint8Array(32)
const SIZE = 10 * GROUP_BYTES + 1
const HAVE = { digest: DIGEST, size: SIZE, incarnation: 4, existed: true }

/** What becomes of an answer of the index, where so many bytes are kept and the value is damaged or not. */
async function answer(
  body: Omit<Offered, 'type'>,
  { kept = 0, damaged = false, size = SIZE }: { kept?: number; damaged?: boolean; size?: number },
): Promise<unknown> {
  const store = { unfinished: () => Promise.resolve(kept) } as unknown as Store
  const repair = { isDamaged: () => Promise.resolve(damaged) } as unknown as Repair
  const offers = new Offers(store, repair)
  offers.heard({ id: 7, body: { type: 'offer', digest: DIGEST, size, name: undefined } })
  return offers.answer({ id: 7, body: { type: 'offered', ...body } })
}

test('R004-54: what is whole need not be sent, what is damaged is sent for anew', async (t) => {
  t.like(await answer({ have: HAVE, sendFrom: 0 }, {}), { have: HAVE })
  t.like(await answer({ have: HAVE, sendFrom: 0 }, { damaged: true }), {
    have: undefined,
    sendFrom: 0,
  })
})

test('R004-54: an upload goes on from what is kept, but sends its end', async (t) => {
  const from = async (kept: number, size?: number): Promise<unknown> => {
    const rest = size === undefined ? {} : { size }
    return ((await answer({ have: undefined, sendFrom: 0 }, { kept, ...rest })) as Offered).sendFrom
  }
  t.is(await from(0), 0)
  t.is(await from(3 * GROUP_BYTES), 3 * GROUP_BYTES)
  t.is(await from(SIZE), 10 * GROUP_BYTES, 'the last group proves the size')
  t.is(await from(2 * SIZE), 10 * GROUP_BYTES)
  t.is(await from(GROUP_BYTES, GROUP_BYTES), 0)
  t.is(await from(5, 0), 0, 'a value of nothing')
})

test('R004-54: other answers stand as they are', (t) => {
  const offers = new Offers({} as Store, {} as Repair)
  offers.heard({ id: 7, body: { type: 'ping' } })
  const body = { type: 'offered', have: HAVE, sendFrom: 0 } as const
  t.is(offers.answer({ id: 7, body }), undefined)
})
