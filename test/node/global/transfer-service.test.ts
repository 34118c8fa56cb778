/** What Global grants to the peer of a transfer channel, by its session and its role. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { once } from '../../../src/bytes.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import type { Refusal } from '../../../src/membership/refusal.ts'
import type { MemberRole } from '../../../src/membership/role.ts'
import { Activity } from '../../../src/node/activity/activity.ts'
import { IndexDriver } from '../../../src/node/global/index-driver.ts'
import { Repair } from '../../../src/node/global/repair.ts'
import { TransferService } from '../../../src/node/global/transfer-service.ts'
import { createMemoryStore } from '../../../src/store/memory/memory.ts'
import { fetchPieces } from '../../../src/transfer/fetch.ts'
import { Holders } from '../../../src/transfer/holders.ts'
import { SharedBudget } from '../../../src/transfer/shared-budget.ts'
import { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import { uploadKnown, uploadStream } from '../../../src/transfer/upload.ts'
import { pattern } from '../../hash/sizes.ts'
import { Stranger } from '../../network/stranger.ts'
import { streamed } from '../../transfer/ends.ts'
import { channelPair } from '../../wire/memory-pair.ts'

const VALUE = pattern(50_000)
const { digest, size, outboard } = hash(VALUE)

/** A transfer channel of a peer with this role, or of a stranger, and the refusals of Global. */
async function serve(t: ExecutionContext, role: MemberRole | undefined) {
  const now = (): number => performance.now()
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))
  const store = createMemoryStore()
  const repair = new Repair({ store, log: SILENT })
  const index = await IndexDriver.open({ store, repair, log: SILENT, now, wall: Date.now, random })
  t.teardown(() => index.close())
  const refused: Refusal[] = []
  const transfers = new TransferService({
    store,
    driver: index,
    repair,
    now,
    log: SILENT,
    holders: new Holders(),
    allowance: new SharedBudget(PEERS_IN_FLIGHT_BYTES, PEER_IN_FLIGHT_BYTES),
    activity: new Activity(),
    onRefused: (_, why) => void refused.push(why),
  })
  if (role !== undefined) {
    await index.ask({ type: 'admit', peer: 'L', role })
    const [toGlobal, ofGlobal] = ends()
    void index.serve(ofGlobal)
    t.like((await new Stranger(toGlobal).hello())?.body, { type: 'welcome' })
  }
  const [toGlobal, ofGlobal] = ends()
  void transfers.serve(ofGlobal)
  return { transfer: new TransferChannel(toGlobal), index, refused }
}

/** The end of the peer `L`, and the end of Global. */
function ends() {
  const [first, second] = channelPair({ peers: ['L', 'Global'] })
  return first.peer === 'L' ? ([second, first] as const) : ([first, second] as const)
}

const exists = async (index: IndexDriver): Promise<boolean> => {
  const { items } = await index.ask({ type: 'list', after: undefined, limit: 1 })
  return items.length > 0
}

test('R006-11 a peer without a session can neither upload nor fetch, even if it is a member', async (t) => {
  for (const isMember of [false, true]) {
    const { transfer, index } = await serve(t, undefined)
    if (isMember) await index.ask({ type: 'admit', peer: 'L', role: 'writer' })
    const small = Uint8Array.of(1, 2, 3)
    await index.ask({ type: 'put', values: [small], name: undefined })
    const ranges = [{ start: 0, end: 3 }]
    const pieces = fetchPieces(transfer, { digest: hash(small).digest, size: 3, ranges })
    await t.throwsAsync(pieces.next())
    await t.throwsAsync(uploadStream(transfer, streamed(once(VALUE), { digest, size })))
    const { facts } = await index.ask({ type: 'locate', digests: [digest], inline: false })
    t.deepEqual(facts, [undefined])
  }
})

test('R006-20 a reader cannot upload, in either way, and the refusal is counted', async (t) => {
  for (const known of [false, true]) {
    const { transfer, index, refused } = await serve(t, 'reader')
    const value = {
      digest,
      size,
      outboard: async () => outboard,
      read: () => once(VALUE),
    }
    const { signal } = new AbortController()
    const upload = known
      ? uploadKnown(transfer, value, 0, signal)
      : uploadStream(transfer, streamed(once(VALUE), { digest, size }))
    await t.throwsAsync(upload, { code: 'not-permitted', message: /role writer/ })
    t.deepEqual(refused, ['role'])
    t.false(await exists(index))
  }
})

test('a stream is stored only if it hashes to the key that its sender claims at the end', async (t) => {
  for (const lie of [
    { digest: new Uint8Array(32), size },
    { digest, size: size - 1 },
  ]) {
    const { transfer, index } = await serve(t, 'writer')
    const upload = uploadStream(transfer, streamed(once(VALUE), lie))
    await t.throwsAsync(upload, { code: 'integrity' })
    t.false(await exists(index))
  }
  const { transfer, index } = await serve(t, 'writer')
  await uploadStream(transfer, streamed(once(VALUE), { digest, size }))
  t.true(await exists(index))
})
