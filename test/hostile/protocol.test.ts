/** Peers that break the protocols over real connections: at Global, and as a Local's Global. */
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { Place } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Shared, Target, assertUnharmed, during } from './arena.ts'
import { INDEX, TRANSFER, hello, index, transfer } from './messages.ts'
import { INDEX_SAMPLES, TRANSFER_SAMPLES } from './samples.ts'
import type { Heard, IndexKind, TransferKind } from './messages.ts'
import { Mutator } from './mutations.ts'
import { Peer } from './peer.ts'
import type { Line } from './peer.ts'
import { frame, textAt, varint } from './protobuf.ts'

const SEED = Number(process.env['DSTORE_SEED'] ?? 7)

/** Messages over real connections; the many are in mutations.test.ts. */
const MUTATED = Number(process.env['DSTORE_MUTATED_STREAMS'] ?? 20)

const MIB = 1 << 20

/**
 * Meaningless bytes. The first is the length of a short frame, so that no reader waits for more.
 */
const noise = (): Uint8Array => Buffer.concat([Uint8Array.of(100), randomBytes(10_000)])

/** What follows the hello on an index stream, and the code that must come back. */
const INDEX_CRIMES: Readonly<Record<string, () => Uint8Array>> = {
  'a frame of 2^60 bytes': () => varint(2n ** 60n),
  'a frame of a negative length': () => varint(-1n),
  'a length of twelve digits': () => new Uint8Array(12).fill(0xff),
  'a length that is not in its shortest form': () => Uint8Array.of(0x80, 0x80, 0x00),
  'a frame one byte longer than any may be': () => varint(MIB + 1),
  'a message of the right length that is none': () => frame(new Uint8Array(100).fill(0xff)),
  'random bytes': () => noise(),
  'an empty message': () => frame(new Uint8Array(0)),
  'a digest of 31 bytes': () => index('locate', 5, [[1, randomBytes(31)]]),
  '1,025 keys in one batch': () =>
    index(
      'locate',
      5,
      Array.from({ length: 1025 }, () => [1, randomBytes(32)] as const),
    ),
  'a value that is too large to come inline': () => index('put', 5, [[1, randomBytes(16_385)]]),
  'a size of 2^64 - 1': () =>
    index('offer', 5, [
      [1, randomBytes(32)],
      [2, 2n ** 64n - 1n],
    ]),
  'a request without id': () => index('locate', 0, [[1, randomBytes(32)]]),
  'a second hello': () => hello(),
  'an acknowledgement of the future': () => index('ack', 0, [[1, 2 ** 50]]),
  'an answer without a request': () => index('located', 99, []),
  'a welcome to Global': () => index('welcome', 1, INDEX_SAMPLES.welcome),
  'a feed to Global': () => index('feed', 0, INDEX_SAMPLES.feed),
}

const shared = new Shared()
let global: Target
let healthy: Target

test.before(async () => {
  global = await Target.global(shared)
  healthy = await Target.local(shared, global)
})
test.after.always(() => shared.end())

test('R000-3 R000-7 R004-1 R004-4 an index stream that breaks a rule ends with protocol, and is logged once', async (t) => {
  const watched = await during(global, healthy, async () => {
    for (const [name, crime] of Object.entries(INDEX_CRIMES)) {
      const peer = await global.member(t)
      const line = peer.session
      await line.send(crime())
      const told = await line.answer('failure')
      t.is(told && textAt(told.fields, 1), 'protocol', name)
      t.is(await line.answer('failure'), undefined, `${name}: the stream goes on`)
      t.is((await refusals(peer)).length, 1, name)
    }
  })
  assertUnharmed(t, global, watched)
})

/** What Global has logged of a peer that broke a protocol. */
const refusals = (peer: Peer): Promise<string[]> =>
  global.told('a peer was refused', 'why=protocol', peer.id)

test('R004-2 a peer that does not begin with a hello learns nothing', async (t) => {
  await global.put(Buffer.from('hello'))
  const values = await global.values()
  const peer = await Peer.create(t)
  await global.admit(peer.id)
  for (const kind of Object.keys(INDEX_SAMPLES) as IndexKind[]) {
    if (kind === 'hello') continue
    const line = await peer.open(global.address, INDEX)
    await line.send(index(kind, 5, INDEX_SAMPLES[kind]))
    const heard: Heard<IndexKind>[] = []
    for (let next = await line.index(); next !== undefined; next = await line.index())
      heard.push(next)
    for (const { kind: answer } of heard) t.is(answer, 'failure', kind)
  }
  t.is(await global.values(), values)
})

test('R004-3 a hello of other versions is answered with the supported ones', async (t) => {
  const peer = await Peer.create(t)
  await global.admit(peer.id)
  const line = await peer.open(global.address, INDEX)
  await line.send(hello([], 99))
  const told = await line.answer('failure')
  t.is(told && textAt(told.fields, 1), 'incompatible')
  t.regex(told ? textAt(told.fields, 2) : '', /speaks 3, 2, 1, this Local 99/)
})

test('R003-1 R003-2 a transfer stream that breaks a rule ends with protocol', async (t) => {
  const peer = await global.member(t)
  const digest = randomBytes(32)
  const range = (
    start: number | bigint,
    end: number | bigint,
  ): readonly [2, [[1, number | bigint], [2, number | bigint]]] => [
    2,
    [
      [1, start],
      [2, end],
    ],
  ]
  const crimes: Readonly<Record<string, Uint8Array>> = {
    'a frame of 2^60 bytes': varint(2n ** 60n),
    'a frame one byte too long': varint(16_385),
    'random bytes': noise(),
    'a digest of 33 bytes': transfer('fetch', [[1, randomBytes(33)]]),
    'ranges that overlap': transfer('fetch', [[1, digest], range(0, 10), range(5, 20)]),
    'ranges in the wrong order': transfer('fetch', [[1, digest], range(10, 20), range(0, 5)]),
    '257 ranges': transfer('fetch', [
      [1, digest],
      ...Array.from({ length: 257 }, (_, i) => range(2 * i, 2 * i + 1)),
    ]),
    'a range to 2^64 - 1': transfer('fetch', [[1, digest], range(0, 2n ** 64n - 1n)]),
    'a piece out of nowhere': transfer('piece', [[1, 10]]),
    'an answer to nothing': transfer('found', TRANSFER_SAMPLES.found),
  }
  const watched = await during(global, healthy, async () => {
    for (const [name, crime] of Object.entries(crimes)) {
      const line = await peer.open(global.address, TRANSFER)
      await line.send(crime)
      const told = await line.transfer()
      t.is(told && textAt(told.fields, 1), 'protocol', name)
    }
  })
  assertUnharmed(t, global, watched)
})

test('R000-5 what is cut off in the middle of a frame leaves nothing', async (t) => {
  const values = await global.values()
  const peer = await Peer.create(t)
  await global.admit(peer.id)
  const whole = Buffer.concat([hello(), index('put', 2, [[1, 'never whole']])])
  for (let cut = 1; cut < whole.byteLength; cut += 3) {
    const line = await peer.open(global.address, INDEX)
    await line.send(whole.subarray(0, cut))
    line.stream.abort(new Error('cut off'))
  }
  t.is(await global.values(), values)
  t.true(global.alive)
})

test('R004-1 R003-1 mutated messages over real connections do no harm at Global', async (t) => {
  const mutator = new Mutator(SEED)
  const kinds = Object.keys(INDEX_SAMPLES) as IndexKind[]
  const transferKinds = Object.keys(TRANSFER_SAMPLES) as TransferKind[]
  const sound = (): Uint8Array => {
    const kind = mutator.pick(kinds)
    return index(kind, 1 + mutator.below(100), INDEX_SAMPLES[kind])
  }
  const soundTransfer = (): Uint8Array => {
    const kind = mutator.pick(transferKinds)
    return transfer(kind, TRANSFER_SAMPLES[kind])
  }
  const watched = await during(global, healthy, async () => {
    const peer = await global.member(t)
    for (let i = 0; i < MUTATED; i++) {
      const line = await peer.open(global.address, TRANSFER)
      for (let n = 0; n < 10; n++) {
        await line.send(mutator.mutate(soundTransfer(), soundTransfer())).catch(ignore)
      }
      line.stream.abort(new Error('enough'))
      const other = await Peer.create({ teardown: (end) => void ends.push(end) })
      await global.admit(other.id)
      const session = await other.open(global.address, INDEX)
      await session.send(hello())
      for (let n = 0; n < 10; n++) {
        await session.send(mutator.mutate(sound(), sound())).catch(ignore)
      }
      for (const end of ends.splice(0)) await end()
    }
  })
  assertUnharmed(t, global, watched)
  t.is(await global.damaged(), 0)
})

const ends: (() => unknown)[] = []

test('R004-1 R004-4 a Global that says anything at all does not end its Local, which comes back', async (t) => {
  const mutator = new Mutator(SEED)
  const kinds = Object.keys(INDEX_SAMPLES) as IndexKind[]
  const impostor = await Peer.create(t, { listen: true })
  let sessions = 0
  const turns: ((line: Line) => Promise<void>)[] = [
    // Nothing at all; nonsense; a length that is none; the wrong message; a sound welcome, and
    // then all of that.
    async (line) => line.stream.abort(new Error('gone')),
    async (line) => line.send(randomBytes(1000)),
    async (line) => line.send(varint(2n ** 60n)),
    async (line) => line.send(index('located', 1, [])),
    async (line) =>
      line.send(
        index('welcome', 1, [
          [1, 2],
          [
            2,
            [
              [1, randomBytes(16)],
              [2, 7],
            ],
          ],
        ]),
      ),
    async (line) =>
      line.send(mutator.mutate(index('welcome', 1, INDEX_SAMPLES.welcome), randomBytes(20))),
    async (line) => {
      await line.send(index('welcome', 1, INDEX_SAMPLES.welcome))
      await line.send(
        index('feed', 0, [
          [1, 500],
          [2, 3],
        ]),
      )
    },
    async (line) => {
      await line.send(index('welcome', 1, INDEX_SAMPLES.welcome))
      for (let n = 0; n < 20; n++) {
        const kind = mutator.pick(kinds)
        await line.send(
          mutator.mutate(index(kind, mutator.below(30), INDEX_SAMPLES[kind]), randomBytes(20)),
        )
      }
    },
  ]
  await impostor.handle(INDEX, async (line) => {
    await line.index()
    await turns[sessions++ % turns.length]!(line)
  })
  const local = await Target.start(new Place(t), t, ['--join', impostor.address])
  t.true(await eventually(() => sessions >= turns.length, 60_000), `${sessions} sessions`)
  t.true(local.alive)
  t.deepEqual(local.lines(' error '), [])
  t.is((await local.call('GET', '/v1/status')).status, 200)
  const absent = await local.call('GET', `/v1/values/${'0'.repeat(64)}?timeout=500`)
  t.true(absent.status >= 500, absent.body.toString())
})

function ignore(): void {
  // The other side has ended the stream, as it should.
}
