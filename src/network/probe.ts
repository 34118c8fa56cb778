/**
 * Tries addresses as a stranger would, and says what answers there (specs/007, "Doctor"): whether a
 * port is open, and whether the peer that was meant proves itself. It asks nothing of that peer.
 */
import { Socket } from 'node:net'
import { DstoreError, asDstoreError } from '../errors.ts'
import { untilAborted } from '../deadline.ts'
import type { Libp2pNetwork } from './libp2p-network.ts'

/**
 * What a TCP connection met: `open`; `refused`: nothing listens; `no-route`: the system knows no
 * way; `no-host`: the name is unknown; `late`: no answer in time, as behind a firewall.
 */
export type TcpOutcome = 'open' | 'refused' | 'no-route' | 'no-host' | 'late'

/**
 * What a peer's address met: `reached`: the peer proved itself; `other-peer`: another one did;
 * `mute`: the port is open, but nothing answers; `stranger`: what answers is no dstore node that
 * admits strangers; or why the port is not open.
 */
export type PeerOutcome =
  | Exclude<TcpOutcome, 'open'>
  | 'reached'
  | 'other-peer'
  | 'mute'
  | 'stranger'

export interface PeerProbe {
  /** The multiaddr, with the peer id. */
  readonly address: string
  readonly outcome: PeerOutcome
  /** How long it took, in milliseconds. */
  readonly ms: number
}

export interface ProbeOptions {
  /** How long each address may take, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Connects to a port and closes the connection. Rejects only with the reason of the signal. */
export async function probeTcp(
  host: string,
  port: number,
  { timeoutMs, signal }: ProbeOptions,
): Promise<TcpOutcome> {
  signal.throwIfAborted()
  const socket = new Socket()
  try {
    return await new Promise<TcpOutcome>((resolve, reject) => {
      const timer = setTimeout(() => resolve('late'), timeoutMs)
      socket.once('connect', () => resolve('open'))
      socket.on('error', (error) => resolve(outcomeOf(error)))
      socket.once('close', () => clearTimeout(timer))
      signal.addEventListener('abort', () => reject(asDstoreError(signal.reason)), { once: true })
      socket.connect({ host, port })
    })
  } finally {
    socket.destroy()
  }
}

/** By `code` of an error of the system. */
const OUTCOMES: ReadonlyMap<unknown, TcpOutcome> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'refused'],
  ['ENOTFOUND', 'no-host'],
  ['EAI_AGAIN', 'no-host'],
  ['ETIMEDOUT', 'late'],
])

function outcomeOf(error: Error): TcpOutcome {
  // A host with several addresses fails with the errors of all.
  const [first = error] = error instanceof AggregateError ? (error.errors as Error[]) : []
  return OUTCOMES.get((first as NodeJS.ErrnoException).code) ?? 'no-route'
}

/**
 * Tries every multiaddr, all at once; those of one peer. An address with a host name counts as
 * reached if one of its IP addresses does. Errors: `malformed-address`, and the signal's reason.
 */
export async function probePeer(
  addresses: readonly string[],
  options: ProbeOptions,
): Promise<readonly PeerProbe[]> {
  const { createNetwork } = await import('./libp2p-network.ts')
  const { newIdentity } = await import('./identity.ts')
  const { hostOf, parseDialAddress } = await import('./multiaddr.ts')
  const places = addresses.map((address) => {
    const { multiaddr } = parseDialAddress(address)
    const port = Number(multiaddr.getComponents().find(({ name }) => name === 'tcp')?.value)
    return { address, host: hostOf(address), port }
  })
  // An identity of its own: with the node's, Global would see the node twice.
  const network = await createNetwork({ identity: await newIdentity() })
  const dials: Dials = { network, begun: new Map() }
  try {
    return await Promise.all(
      places.map(async ({ address, host, port }) => {
        const began = performance.now()
        const tcp = await probeTcp(host, port, options)
        const left = { ...options, timeoutMs: options.timeoutMs - (performance.now() - began) }
        const outcome = tcp === 'open' ? await probeNode(dials, address, left) : tcp
        return { address, outcome, ms: performance.now() - began }
      }),
    )
  } finally {
    // A dial that hangs need not hold up the answer.
    void network.close().catch(() => undefined)
  }
}

/** Dials by address: one that several names lead to is dialled once. */
interface Dials {
  readonly network: Libp2pNetwork
  readonly begun: Map<string, Promise<PeerOutcome>>
}

/** Lets the peer at an address whose port is open prove itself. */
async function probeNode(
  dials: Dials,
  address: string,
  { timeoutMs, signal }: ProbeOptions,
): Promise<PeerOutcome> {
  const late = AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))
  const ends = AbortSignal.any([signal, late])
  let outcome: PeerOutcome = 'mute'
  try {
    for (const one of await untilAborted(dials.network.resolve(address), ends)) {
      const dialling = dials.begun.get(one) ?? dial(dials.network, one, ends)
      dials.begun.set(one, dialling)
      outcome = await dialling
      if (outcome === 'reached') break
    }
  } catch {
    // It is late: what was found so far counts.
  }
  signal.throwIfAborted()
  return outcome
}

async function dial(
  network: Libp2pNetwork,
  address: string,
  signal: AbortSignal,
): Promise<PeerOutcome> {
  try {
    const connection = await network.connect(address, { signal })
    connection.close(new DstoreError('cancelled', 'it was only a probe'))
    return 'reached'
  } catch (error) {
    const { code } = asDstoreError(error)
    if (code === 'impostor') return 'other-peer'
    return code === 'timeout' || signal.aborted ? 'mute' : 'stranger'
  }
}
