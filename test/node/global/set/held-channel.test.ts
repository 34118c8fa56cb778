import { DstoreError } from '../../../../src/errors.ts'
import { heldChannel } from '../../../../src/node/global/set/held-channel.ts'
import type { Channel } from '../../../../src/wire/channel.ts'
import { test } from '../../../serial.ts'

/** A channel that notes what reaches it, and a lease that the test gives and takes. */
function held() {
  const calls: string[] = []
  const lease = { may: true, waiting: [] as { ok: () => void; fail: (why: Error) => void }[] }
  const note = (what: string) => async () => void calls.push(what)
  const channel = {
    peer: 'p',
    write: async (bytes: Uint8Array) => void calls.push(String(bytes[0])),
    flush: note('flush'),
    end: note('end'),
    abort: (why: Error) => void calls.push(`abort ${why.message}`),
  } as unknown as Channel
  const wrapped = heldChannel(channel, {
    mayServe: () => lease.may,
    serving: () => new Promise<void>((ok, fail) => lease.waiting.push({ ok, fail })),
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { calls, lease, wrapped, settle }
}

const one = (byte: number): Uint8Array => Uint8Array.of(byte)

test('R012-31 what is written waits while the member may not serve, in order with the end', async (t) => {
  const { calls, lease, wrapped, settle } = held()
  await wrapped.write(one(1))
  t.deepEqual(calls, ['1'])
  lease.may = false
  const rest = [wrapped.write(one(2)), wrapped.write(one(3)), wrapped.flush(), wrapped.end()]
  await settle()
  t.deepEqual(calls, ['1'], 'a flush and an end pass nothing')
  // A later write must not overtake, though the member may serve again.
  lease.may = true
  lease.waiting.shift()!.ok()
  await settle()
  lease.waiting.shift()!.ok()
  await Promise.all(rest)
  t.deepEqual(calls, ['1', '2', '3', 'flush', 'end'])
})

test('R012-31 a channel of a fenced member is dropped with what waits', async (t) => {
  const { calls, lease, wrapped } = held()
  lease.may = false
  const write = wrapped.write(one(1))
  await Promise.resolve()
  lease.waiting[0]!.fail(new DstoreError('unwritable', 'taken over'))
  await t.throwsAsync(write, { message: 'taken over' })
  t.deepEqual(calls, ['abort taken over'])
})
