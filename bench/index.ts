/**
 * Removal as it is felt: 200 Locals that all hold a value, and how long `remove` takes until every one of them has let
 * go; what each costs Global in memory; and how a Local catches up that was away during 100,000 changes. Channels are
 * in memory: what is measured is the index and its ends, not TCP.
 */
import { hash } from '../src/hash/hasher.ts'
import type { Digest } from '../src/index/message.ts'
import { SILENT } from '../src/node/log.ts'
import { GlobalLink } from '../src/node/global-link.ts'
import { IndexHost } from '../src/node/index-host.ts'
import { Repair } from '../src/node/repair.ts'
import { createMemoryStore } from '../src/store/memory.ts'
import { KnownMembers } from '../src/membership/known-members.ts'
import type { Channel } from '../src/wire/channel.ts'
import { channelPair } from '../src/wire/memory-pair.ts'
import { DstoreError } from '../src/errors.ts'

const LOCALS = 200
const REMOVALS = 300
const CHANGES = 100_000

const now = (): number => performance.now()
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes))

const store = createMemoryStore()
const host = await IndexHost.open({
  store,
  repair: new Repair({ store, log: SILENT, holders: () => [] }),
  log: SILENT,
  now,
  random,
})

interface Bench {
  readonly link: GlobalLink
  isAway: boolean
  receivedBytes: number
  removed: number
  channel?: Channel
}

async function join(peer: string): Promise<Bench> {
  await host.ask({ type: 'admit', peer, role: 'admin' })
  const state = { isAway: false, receivedBytes: 0, removed: 0 } as Bench
  const link = new GlobalLink({
    dial: async () => {
      if (state.isAway) throw new DstoreError('unreachable', 'away')
      const [first, second] = channelPair({ peers: [peer, 'Global'] })
      const [mine, theirs] = first.peer === peer ? [second, first] : [first, second]
      void host.serve(theirs)
      const read = mine.read.bind(mine)
      mine.read = async () => {
        const bytes = await read()
        state.receivedBytes += bytes?.byteLength ?? 0
        return bytes
      }
      state.channel = mine
      return mine
    },
    backoffMs: () => 10,
    members: new KnownMembers(() => undefined),
    log: SILENT,
    now,
    random,
  })
  link.attach({
    apply: (removals) => void (state.removed += removals.length),
    reset: () => [],
    verified: () => undefined,
    cut: () => undefined,
  })
  await link.start()
  return Object.assign(state, { link })
}

function valueOf(i: number): { value: Uint8Array; digest: Digest } {
  const value = new TextEncoder().encode(`value ${i}`)
  return { value, digest: hash(value).digest }
}

async function put(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 1000) {
    const values = Array.from(
      { length: Math.min(1000, from + count - at) },
      (_, i) => valueOf(at + i).value,
    )
    await host.ask({ type: 'put', values, name: undefined })
  }
}

const remove = (i: number): Promise<unknown> =>
  host.ask({ type: 'remove', digest: valueOf(i).digest, timeoutMs: 60_000, force: false })

const heapBefore = heap()
const locals = await Promise.all(Array.from({ length: LOCALS }, (_, i) => join(`Local ${i}`)))
say(
  `${LOCALS} Locals: ${((heap() - heapBefore) / LOCALS / 1024).toFixed(1)} KiB each, both ends together`,
)

await put(0, REMOVALS)
const times: number[] = []
for (let i = 0; i < REMOVALS; i++) {
  const began = now()
  await remove(i)
  times.push(now() - began)
}
times.sort((a, b) => a - b)
const at = (share: number): string => times[Math.floor(share * times.length)]!.toFixed(1)
say(`remove, acknowledged by ${LOCALS}: median ${at(0.5)} ms, p99 ${at(0.99)} ms`)

for (const { link } of locals.slice(1)) await link.close()
const [local] = locals as [Bench]
local.isAway = true
local.channel?.abort(new Error('away'))
await put(REMOVALS, CHANGES / 2)
for (let i = REMOVALS; i < REMOVALS + CHANGES / 2; i += 500) {
  const batch = Array.from({ length: Math.min(500, REMOVALS + CHANGES / 2 - i) }, (_, j) => i + j)
  await Promise.all(
    batch.map((one) =>
      host.ask({ type: 'remove', digest: valueOf(one).digest, timeoutMs: 0, force: false }),
    ),
  )
}
const [bytes, removals] = [local.receivedBytes, local.removed]
const began = now()
local.isAway = false
while (local.removed - removals < CHANGES / 2)
  await new Promise((resolve) => setTimeout(resolve, 5))
say(
  `${CHANGES} changes away: caught up in ${(now() - began).toFixed(0)} ms with ${((local.receivedBytes - bytes) / 1024 / 1024).toFixed(1)} MiB`,
)
await local.link.close()
await host.close()

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
