/** Many Locals for `index.ts` in one process, each an index over its own real connection. */
import { once } from 'node:events'
import { DstoreError } from '../src/errors.ts'
import { hash } from '../src/hash/hasher.ts'
import { KnownMembers } from '../src/membership/known-members.ts'
import { globalConnector } from '../src/node/local/global-connector.ts'
import { GlobalLink } from '../src/node/local/global-link.ts'
import { newIdentity } from '../src/network/identity.ts'
import { SILENT } from '../src/log.ts'
import { createNetwork } from '../src/network/libp2p-network.ts'
import type { PeerConnection, PeerDialer } from '../src/network/network.ts'
import type { Channel } from '../src/wire/channel.ts'
import type { CaughtUp, Order } from './index-orders.ts'

interface Local {
  readonly link: GlobalLink
  isAway: boolean
  channel: Channel | undefined
  bytes: number
}

const locals: Local[] = []

async function join(address: string, holding: number): Promise<Local> {
  const network = await createNetwork({ identity: await newIdentity() })
  const digests = Array.from(
    { length: holding },
    (_, i) => hash(new TextEncoder().encode(`value ${i}`)).digest,
  )
  const local = { isAway: false, channel: undefined, bytes: 0 } as Partial<Local> as Local
  const counted = (channel: Channel): Channel => {
    const read = channel.read.bind(channel)
    channel.read = async () => {
      const bytes = await read()
      local.bytes += bytes?.byteLength ?? 0
      return bytes
    }
    local.channel = channel
    return channel
  }
  const dialer: PeerDialer = {
    resolve: (one) => network.resolve(one),
    connect: async (one, options) => {
      if (local.isAway) throw new DstoreError('unreachable', 'away')
      const connection = await network.connect(one, options)
      const open: PeerConnection['open'] = async (...args) =>
        counted(await connection.open(...args))
      return { ...connection, open }
    },
  }
  const now = (): number => performance.now()
  const link = new GlobalLink({
    connect: globalConnector({ dialer, addresses: () => [address], now }),
    backoffMs: () => 10,
    members: new KnownMembers(() => undefined),
    log: SILENT,
    now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  })
  link.attach({
    apply: () => undefined,
    reset: () => digests,
    verified: () => undefined,
    cut: () => undefined,
  })
  const failure = await link.start()
  if (failure !== undefined) throw failure
  return Object.assign(local, { link })
}

async function upTo(local: Local, seq: number, began: number, before: number): Promise<CaughtUp> {
  while ((local.link.position?.seq ?? 0) < seq) {
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return { ms: performance.now() - began, bytes: local.bytes - before }
}

async function carryOut(order: Order): Promise<unknown> {
  switch (order.type) {
    case 'join': {
      const began = performance.now()
      for (let i = 0; i < order.locals; i++) {
        locals.push(await join(order.address, order.holding))
      }
      return upTo(locals.at(-1)!, 1, began, 0)
    }
    case 'away':
      locals[0]!.isAway = true
      locals[0]!.channel?.abort(new DstoreError('unreachable', 'away'))
      return undefined
    case 'back': {
      const [began, before] = [performance.now(), locals[0]!.bytes]
      locals[0]!.isAway = false
      return upTo(locals[0]!, order.upto, began, before)
    }
    default:
      throw new TypeError('that is for Global')
  }
}

process.on('message', (order: Order) => {
  void carryOut(order).then((answer) => process.send!({ answer }))
})
await once(process, 'disconnect')
process.exit()
