/** Streams that a Local uploads over a connection that breaks again and again. */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { MIB } from '../../../src/limits.ts'
import { Relay } from '../../e2e/relay.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { Nodes, once } from '../nodes.ts'

const SIZE = 24 * MIB
const BYTES = pattern(SIZE)

for (const lanes of [true, false]) {
  test(`R003-119: a stream whose connection breaks twelve times comes whole, by ${lanes ? 'lanes' : 'streams'}`, async (t) => {
    const nodes = new Nodes(t)
    const global = await nodes.global({ lanes })
    const [address] = (await global.status()).listen
    const dir = await nodes.folder()
    const first = await nodes.local(global, { dir, lanes })
    await first.close()
    const relay = await Relay.before(t, address!)
    const local = await nodes.open({ role: 'local', join: relay.address, dir, lanes })
    await eventually(async () => (await local.status()).global!.state === 'connected')
    let breaks = 0
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < SIZE; at += 64 << 10) {
        yield BYTES.subarray(at, at + (64 << 10))
        if (at % (2 * MIB) !== MIB) continue
        breaks++
        setTimeout(() => {
          relay.break()
          relay.heal()
        }, breaks)
      }
    }
    const { key } = await local.put({ bytes: source() })
    t.deepEqual(key.digest, hash(BYTES).digest)
    t.true(breaks > 10)
    t.is((await global.index.stat(key))?.size, SIZE)
  })
}

test('R003-119: a stream whose Global restarts in the middle fails with unreachable, and says what to do', async (t) => {
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const first = await nodes.global({ dir, store: 'disk' })
  const local = await nodes.local(first)
  const listen = (await first.status()).listen.map((address) => address.replace(/\/p2p\/.*/, ''))
  let restarted: Promise<unknown> | undefined
  const source = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < SIZE; at += MIB) {
      yield BYTES.subarray(at, at + MIB)
      if (at !== 8 * MIB) continue
      await first.close()
      restarted = nodes.global({ dir, store: 'disk', listen })
      await restarted
    }
  }
  const failure = await t.throwsAsync(local.put({ bytes: source() }), { instanceOf: DstoreError })
  t.is(failure.code, 'unreachable')
  t.regex(failure.hint!, /repeat the put/)
  await restarted
  await eventually(async () => (await local.status()).global!.state === 'connected')
  const { key } = await local.put({ bytes: once(BYTES) })
  t.deepEqual(key.digest, hash(BYTES).digest)
})
