import { test } from '../serial.ts'
import { DstoreError } from '../../src/errors.ts'
import {
  decodeIdentity,
  encodeIdentity,
  newIdentity,
  peerIdOf,
} from '../../src/network/identity.ts'

test('an identity is the same peer after it was kept', async (t) => {
  const identity = await newIdentity()
  t.is(peerIdOf(await decodeIdentity(encodeIdentity(identity))), peerIdOf(identity))
  t.regex(peerIdOf(identity), /^12D3KooW/)
})

test('any flipped bit, cut or addition is found', async (t) => {
  const whole = encodeIdentity(await newIdentity())
  const damaged = [
    new Uint8Array(0),
    whole.subarray(1),
    whole.subarray(0, -1),
    Uint8Array.of(...whole, 0),
    new Uint8Array(whole.byteLength),
    ...Array.from(whole, (_, at) => whole.map((byte, i) => (i === at ? byte ^ 1 : byte))),
  ]
  for (const bytes of damaged) {
    const error = await t.throwsAsync(decodeIdentity(bytes), { instanceOf: DstoreError })
    t.is(error.code, 'unreadable')
  }
})
