/**
 * Whatever becomes of transfers, nothing of them stays: streams, lanes, sockets, listeners, shares
 * of memory.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../src/errors.ts'
import type { Key } from '../../src/hash/key.ts'
import { IDLE_TRANSFER_CHANNELS, MIB } from '../../src/limits.ts'
import { Gate } from '../../src/membership/gate.ts'
import { KnownMembers } from '../../src/membership/known-members.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import { LaneNetwork } from '../../src/network/lane/lane-network.ts'
import { globalConnector } from '../../src/node/local/global-connector.ts'
import { GlobalLink } from '../../src/node/local/global-link.ts'
import { Global } from '../../src/node/global/global.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { CacheBudget } from '../../src/node/cache/cache-budget.ts'
import { Local } from '../../src/node/local/local.ts'
import { SILENT } from '../../src/log.ts'
import { createNetwork, type Libp2pNetwork } from '../../src/network/libp2p-network.ts'
import type { Node, Progress } from '../../src/node/node.ts'
import { TRANSFER_PROTOCOL, type Network, type PeerDialer } from '../../src/network/network.ts'
import { backoffMs } from '../../src/node/local/reconnect.ts'
import { createMemoryStore } from '../../src/store/memory/memory.ts'
import { eventually } from '../eventually.ts'
import { Relay } from '../e2e/relay.ts'
import { pattern } from '../hash/sizes.ts'
import { now, random } from '../network/lane/lanes.ts'
import { once, read } from './nodes.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

interface Pair {
  readonly global: Node
  readonly local: Node
  /** Between the two. */
  readonly relay: Relay
  /** Streams of Global's connections, and TCP sockets of this process. */
  readonly counts: () => { readonly streams: number; readonly sockets: number }
}

async function pair(t: ExecutionContext, lanes: boolean, cacheBytes = 64 * MIB): Promise<Pair> {
  const own = async (listen: string[]): Promise<[Libp2pNetwork, Network & PeerDialer]> => {
    const network = await createNetwork({ identity: await newIdentity(), listen })
    const parts = { network, listen, bulk: TRANSFER_PROTOCOL, log: SILENT, now, random }
    return [network, lanes ? new LaneNetwork(parts) : network]
  }
  const [serving, ofGlobal] = await own([LOOPBACK])
  const options = { leaseMs: undefined, forgetAfterMs: undefined }
  const rest = { log: SILENT, now, random }
  const global = await Global.open({
    ...options,
    ...rest,
    wall: Date.now,
    store: createMemoryStore(),
    network: ofGlobal,
    gate: undefined,
  })
  t.teardown(() => global.close())
  const relay = await Relay.before(t, serving.addresses()[0]!)
  const [, network] = await own([])
  const addresses = { all: [relay.address], close: async () => undefined }
  const connect = globalConnector({ dialer: network, addresses: () => addresses.all, now })
  const members = new KnownMembers(() => undefined)
  const { secret } = parseTicket((await global.members.invite({ role: 'admin' })).ticket)
  const onWelcome = (peer: string): void => network.prepare?.(peer)
  const link = new GlobalLink({ connect, backoffMs, members, onWelcome, ...rest }, secret)
  await link.start()
  const gate = new Gate({ admission: undefined, now, report: () => undefined })
  const parts = { network, link, gate, members, addresses, globalPeer: serving.peerId }
  const local = new Local({ ...parts, budget: new CacheBudget(cacheBytes), ...rest })
  t.teardown(() => local.close())
  const counts = (): { streams: number; sockets: number } => ({
    streams: serving.connections().reduce((sum, { streams }) => sum + streams, 0),
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length,
  })
  await eventually(async () => (await local.status()).global!.state === 'connected')
  return { global, local, relay, counts }
}

/** Read until so many bytes came, then do something, and go on to the end or the failure. */
async function readAnd(
  node: Node,
  key: Key,
  bytes: number,
  then: () => unknown,
  signal?: AbortSignal,
): Promise<number> {
  let got = 0
  let done = false
  for await (const part of (await node.get(key, signal ? { signal } : {})).bytes) {
    got += part.byteLength
    if (done || got < bytes) continue
    done = true
    if ((await then()) === 'leave') break
  }
  return got
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'whole',
    (error: unknown) => (error instanceof DstoreError ? error.code : String(error)),
  )

for (const lanes of [false, true]) {
  const over = lanes ? 'by lane' : 'over Noise'

  test(`R003-20: transfers that are left, cancelled or cut by a removal leave nothing, ${over}`, async (t) => {
    const { global, local, counts } = await pair(t, lanes)
    const warnings: string[] = []
    const warn = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', warn)
    t.teardown(() => process.off('warning', warn))
    const { key } = await global.put({ bytes: once(pattern(6 * MIB + 1)) })
    const round = async (i: number): Promise<void> => {
      await local.evict(key)
      await readAnd(local, key, 1, () => 'leave')
      await local.evict(key)
      const cancel = new AbortController()
      const stop = (): void => cancel.abort()
      t.is(await codeOf(readAnd(local, key, MIB, stop, cancel.signal)), 'cancelled')
      await local.evict(key)
      t.is(await codeOf(local.get(key, { signal: AbortSignal.abort() })), 'cancelled')
      const other = await global.put({ bytes: once(pattern(6 * MIB + 2 + i)) })
      const removing = readAnd(local, other.key, 1, () => global.index.remove(other.key))
      t.is(await codeOf(removing), 'removed')
      t.is(await codeOf(local.get(other.key)), 'not-found')
    }
    await round(0)
    const before = counts()
    await Promise.all([1, 2, 3, 4].map(round))
    for (let i = 5; i < 12; i++) await round(i)
    const most = IDLE_TRANSFER_CHANNELS
    await eventually(() => {
      const after = counts()
      const more = lanes ? 2 * most : 0
      return after.streams <= 1 + (lanes ? 0 : most) && after.sockets <= before.sockets + more
    })
    t.deepEqual(warnings, [])
    t.is(Buffer.compare(await read(local, key), pattern(6 * MIB + 1)), 0)
  })

  test(`R003-12: a link that is cut at every megabyte gives the value whole, or one clear error, ${over}`, async (t) => {
    const { global, local, relay, counts } = await pair(t, lanes)
    const bytes = pattern(6 * MIB + 7)
    const { key } = await global.put({ bytes: once(bytes) })
    await read(local, key)
    const before = counts()
    const outcomes: string[] = []
    for (let cut = 0; cut <= 6; cut++) {
      await local.evict(key)
      await eventually(async () => (await local.status()).global!.state === 'connected')
      const breakIt = (): void => {
        relay.break()
        setTimeout(() => relay.heal(), 20)
      }
      const code = await codeOf(readAnd(local, key, Math.max(1, cut * MIB), breakIt))
      outcomes.push(code)
      t.true(['whole', 'unreachable', 'timeout'].includes(code), code)
      await eventually(async () => (await local.status()).global!.state === 'connected')
      t.is(Buffer.compare(await read(local, key), bytes), 0)
    }
    t.log(outcomes.join(' '))
    t.true(outcomes.includes('whole'))
    await eventually(() => {
      const after = counts()
      const most = IDLE_TRANSFER_CHANNELS
      return after.streams <= 1 + most && after.sockets <= before.sockets + 2 * most
    })
  })

  test(`R003-46: a put of a file whose link is cut at every megabyte goes on, ${over}`, async (t) => {
    const { global, local, relay, counts } = await pair(t, lanes)
    const folder = await mkdtemp(join(tmpdir(), 'dstore-put-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'file')
    let before: ReturnType<typeof counts> | undefined
    for (let cut = 0; cut <= 6; cut++) {
      const bytes = pattern(6 * MIB + 7 + cut)
      await writeFile(path, bytes)
      let isCut = false
      const onProgress = ({ phase, doneBytes }: Progress): void => {
        if (isCut || phase !== 'store' || doneBytes < cut * MIB) return
        isCut = true
        relay.break()
        setTimeout(() => relay.heal(), 20)
      }
      const { key } = await local.put({ path }, { onProgress })
      t.true(isCut)
      t.is(Buffer.compare(await read(global, key), bytes), 0)
      await eventually(async () => (await local.status()).global!.state === 'connected')
      before ??= counts()
    }
    await eventually(() => {
      const after = counts()
      const most = IDLE_TRANSFER_CHANNELS
      return after.streams <= 1 + most && after.sockets <= before!.sockets + 2 * most
    })
  })

  test(`a value for which the cache has no room passes, while what fills it is read, ${over}`, async (t) => {
    const { global, local } = await pair(t, lanes, 8 * MIB)
    const [first, second] = [pattern(6 * MIB), pattern(5 * MIB + 3)]
    const { key } = await global.put({ bytes: once(first) })
    const other = await global.put({ bytes: once(second) })
    let passed: Uint8Array | undefined
    const got = await readAnd(local, key, MIB, async () => {
      passed = await read(local, other.key)
    })
    t.is(got, first.byteLength)
    t.is(Buffer.compare(passed!, second), 0)
    const { cache } = await local.status()
    t.true(cache!.usedBytes <= cache!.budgetBytes)
    t.is(cache!.values, 1)
  })
}
