/** The facts of a healthy node, for tests of `dstore doctor`, and parts that are not. */
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { DaemonFacts, Facts, GlobalFacts } from '../../cli/doctor/facts.ts'

export const GIB: number = 2 ** 30
export const MIB: number = 2 ** 20
export const PEER = '12D3KooWKEGWLk6djGR4m18EpHBBC2oZ5KKC1znqU8oWCY9LMDeF'
export const ADDRESS: string = `/ip4/10.0.0.1/tcp/4480/p2p/${PEER}`

export type Role = StatusAnswer['role']
export type Link = NonNullable<StatusAnswer['global']>

export const LINK: Link = {
  peer: PEER,
  address: ADDRESS,
  addresses: [ADDRESS],
  state: 'connected',
  since: '2026-11-29T08:00:00.000Z',
  lastHeard: '2026-11-29T08:00:01.000Z',
  roundTripMs: 2,
  version: '0.2.0',
  lanePort: 4481,
  clockDifferenceMs: 40,
}

export function statusFor(role: Role, more: Partial<StatusAnswer> = {}): StatusAnswer {
  const keepsIndex = role !== 'local'
  return {
    role,
    version: '0.2.0',
    startedAt: '2026-11-29T08:00:00.000Z',
    peerId: role === 'standalone' ? undefined : PEER,
    listen: role === 'global' ? [ADDRESS] : [],
    lanePort: role === 'global' ? 4481 : undefined,
    position: undefined,
    leaseMs: undefined,
    clock: keepsIndex ? { trusted: true } : undefined,
    global: keepsIndex ? undefined : LINK,
    locals: [],
    registered: [],
    members: undefined,
    refused: undefined,
    store: keepsIndex
      ? {
          kind: 'disk',
          durable: true,
          values: 3,
          valueBytes: 300,
          headroomBytes: 40 * GIB,
          damaged: 0,
          unfinishedBytes: 0,
          seq: 4,
        }
      : undefined,
    cache: keepsIndex
      ? undefined
      : { usedBytes: 0, budgetBytes: GIB, values: 0, hits: 0, misses: 0, evictions: 0 },
    traffic: [],
    daemon: { pid: 12, directory: '/state', socket: '/state/dstore.sock', residentBytes: MIB },
    ...more,
  }
}

export function healthy(
  role: Role,
  more: Partial<Facts> = {},
  status: StatusAnswer = statusFor(role),
): Facts {
  return {
    version: '0.2.0',
    node: 'v24.1.0',
    uid: 1000,
    path: '/state',
    socket: '/state/dstore.sock',
    selector: '',
    directory: {
      value: {
        state: 'there',
        uid: 1000,
        mode: 0o700,
        entries: [
          { name: 'daemon.lock', uid: 1000, mode: 0o600 },
          { name: 'identity.key', uid: 1000, mode: 0o600 },
        ],
        unwritable: undefined,
      },
    },
    settings: { value: role === 'local' ? { role, join: [ADDRESS] } : { role } },
    daemon: { value: { state: 'serving', status, ms: 4 } },
    global:
      role === 'local'
        ? {
            value: {
              probes: [{ address: ADDRESS, outcome: 'reached', ms: 12 }],
              lane: { port: 4481, outcome: 'open' },
            },
          }
        : undefined,
    certificate: undefined,
    disk: {
      value: { freeBytes: 50 * GIB, totalBytes: 100 * GIB, freeFiles: 1e6, totalFiles: 2e6 },
    },
    memory: { value: { totalBytes: 8 * GIB, availableBytes: 4 * GIB, limitBytes: undefined } },
    descriptors: { value: { soft: 4096, hard: 4096, used: 30 } },
    daemonDescriptors: { value: { soft: 4096, hard: 4096, used: 30 } },
    ...more,
  }
}

export const withDaemon = (value: DaemonFacts): Partial<Facts> => ({
  daemon: { value },
  daemonDescriptors: undefined,
})

export type There = Extract<Facts['directory'], { readonly value: unknown }>['value'] & {
  state: 'there'
}

export const there = (more: Partial<There>): Partial<Facts> => ({
  directory: { value: { ...(healthy('global').directory as { value: There }).value, ...more } },
})

export const link = (more: Partial<Link>): StatusAnswer =>
  statusFor('local', { global: { ...LINK, ...more } })

export const probed = (...outcomes: string[]): Partial<Facts> => ({
  global: {
    value: {
      probes: outcomes.map((outcome, i) => ({
        address: ADDRESS.replace('10.0.0.1', `10.0.0.${i + 1}`),
        outcome: outcome as 'reached',
        ms: 3,
      })),
      lane: { port: 4481, outcome: 'open' },
    },
  },
})

/** The same of a daemon that is not connected: it knows no lane port. */
export function cutOff(...outcomes: string[]): Partial<Facts> {
  const { global } = probed(...outcomes)
  return { global: { value: { ...(global as { value: GlobalFacts }).value, lane: undefined } } }
}

/** A Global that serves its API over TCP at this URL. */
export const overTcp = (url: string): StatusAnswer => {
  const status = statusFor('global')
  const http = { url, public: false, tokenFile: '/state/http-token', refused: 0 }
  return { ...status, daemon: { ...status.daemon, http } }
}

/** What the network can read. */
export const PLAIN_HTTP: StatusAnswer = overTcp('http://10.0.0.1:4481')
