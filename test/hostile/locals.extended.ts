/** A Local that listens answers only members (R006-31, R006-32). */
import { randomBytes } from 'node:crypto'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Shared, Target, assertUnharmed, during } from './arena.ts'
import { digestOf } from './keys.ts'
import { rangeField } from './lying-holder.ts'
import { INDEX, TRANSFER, hello, transfer } from './messages.ts'
import { TRANSFER_SAMPLES } from './samples.ts'
import type { TransferKind } from './messages.ts'
import { Mutator } from './mutations.ts'
import { Peer } from './peer.ts'

const SIZE = 5_000_000

const shared = new Shared()
let global: Target
let local: Target
let healthy: Target
let key: string

test.before(async () => {
  global = await Target.global(shared)
  local = await Target.local(shared, global, 'writer', ['--listen', '/ip4/127.0.0.1/tcp/0'])
  healthy = await Target.local(shared, global)
  key = await local.put(randomBytes(SIZE))
  await local.call('GET', `/v1/values/${key}`)
})
test.after.always(() => shared.end())

/** The outcome of a fetch of the value that the Local holds, or of another. */
async function fetched(peer: Peer, digest: Uint8Array = digestOf(key)): Promise<string> {
  try {
    const line = await peer.open(local.address, TRANSFER)
    await line.send(transfer('fetch', [[1, digest], rangeField({ start: 0, end: 16_384 })]))
    return (await line.transfer())?.kind ?? 'cut'
  } catch {
    return 'cut'
  }
}

test('R006-31 R006-33 a stranger gets no stream at a Local, whatever it asks for', async (t) => {
  const stranger = await Peer.create(t)
  const watched = await during(local, healthy, async () => {
    t.is(await fetched(stranger), 'cut')
    t.is(await fetched(stranger, randomBytes(32)), 'cut')
    const line = await stranger.open(local.address, INDEX).catch(() => undefined)
    await line?.send(hello()).catch(() => undefined)
    t.is(await line?.frame(), undefined)
  })
  assertUnharmed(t, local, watched)
  t.is((await local.told('a peer was refused', 'why=stranger', stranger.id)).length, 1)
  t.true((await local.status()).refused!['stranger']! > 0)
})

test('R003-28 R006-31 a Local serves a member what it holds, and nothing else', async (t) => {
  const member = await global.member(t)
  t.true(await eventually(async () => (await fetched(member)) === 'found'))
  t.is(await fetched(member, randomBytes(32)), 'failure')
  const upload = await member.open(local.address, TRANSFER)
  await upload.send(transfer('upload', [[2, 5]]))
  const answer = await upload.transfer()
  t.is(answer?.kind, 'failure')
})

test('R006-32 Locals cut off an expelled member before the expulsion is complete', async (t) => {
  const member = await global.member(t, 'reader')
  t.true(await eventually(async () => (await fetched(member)) === 'found'))
  const line = await member.open(local.address, TRANSFER)
  line.stream.pause()
  await line.send(transfer('fetch', [[1, digestOf(key)], rangeField({ start: 0, end: SIZE })]))
  const watched = await during(local, healthy, async () => {
    const { body } = await global.call('DELETE', `/v1/members/${member.id}`)
    const { acknowledged } = JSON.parse(body.toString()) as { acknowledged: string[] }
    t.true(acknowledged.includes((await local.status()).peerId))
    t.is(await fetched(member), 'cut')
    t.true(await eventually(() => line.stream.status !== 'open'))
  })
  assertUnharmed(t, local, watched)
  t.true(line.received < SIZE)
})

test('R003-1 R003-2 mutated messages harm no Local', async (t) => {
  const mutator = new Mutator(7)
  const kinds = Object.keys(TRANSFER_SAMPLES) as TransferKind[]
  const sound = (): Uint8Array => {
    const kind = mutator.pick(kinds)
    return transfer(kind, TRANSFER_SAMPLES[kind])
  }
  const member = await global.member(t)
  t.true(await eventually(async () => (await fetched(member)) === 'found'))
  const watched = await during(local, healthy, async () => {
    for (let i = 0; i < 200; i++) {
      const line = await member.open(local.address, TRANSFER)
      for (let n = 0; n < 10; n++) {
        await line.send(mutator.mutate(sound(), sound())).catch(() => undefined)
      }
      line.stream.abort(new Error('enough'))
    }
  })
  assertUnharmed(t, local, watched)
  t.is(await local.damaged(), 0)
  t.is(await fetched(member), 'found')
})
