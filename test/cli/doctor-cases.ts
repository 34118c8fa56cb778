/** Everything that `dstore doctor` can find, as facts. */
import type { Facts } from '../../cli/doctor/facts.ts'
import {
  GIB,
  MIB,
  ADDRESS,
  PEER,
  PLAIN_HTTP,
  cutOff,
  healthy,
  link,
  probed,
  statusFor,
  there,
  withDaemon,
} from './doctor-facts.ts'

const disk = { freeBytes: 50 * GIB, totalBytes: 100 * GIB, freeFiles: 1e6, totalFiles: 2e6 }
const memory = { totalBytes: 8 * GIB, availableBytes: 4 * GIB, limitBytes: undefined }

/** What a daemon says of Global while it is cut off. */
export const AWAY: {
  readonly state: 'away'
  readonly address: undefined
  readonly error: string
} = { state: 'away', address: undefined, error: 'it ended' }

/** By what is wrong: the facts, and exactly what is found. */
export const CASES: Readonly<Record<string, readonly [Facts, string[]]>> = {
  'R007-134 no directory yet': [
    healthy('standalone', {
      directory: { value: { state: 'missing' } },
      settings: { value: {} },
      ...withDaemon({ state: 'none' }),
    }),
    ['note directory-missing'],
  ],
  'R007-134 a file in the place of the directory': [
    healthy('standalone', { directory: { value: { state: 'no directory', file: '/state' } } }),
    ['problem directory-not-a-directory'],
  ],
  'R007-134 a directory of another user': [
    healthy('global', there({ uid: 0 })),
    ['problem directory-foreign'],
  ],
  'R007-134 a directory of another user, with files of that user': [
    healthy('global', there({ uid: 0, entries: [{ name: 'config.json', uid: 0, mode: 0o600 }] })),
    ['problem directory-foreign'],
  ],
  'R007-134 a directory that may not be listed': [
    healthy('global', { directory: { value: { state: 'denied', owner: 0 } } }),
    ['problem directory-foreign'],
  ],
  'R007-134 a directory that its own user may not list': [
    healthy('global', { directory: { value: { state: 'denied', owner: 1000 } } }),
    ['problem directory-denied'],
  ],
  'R007-134 a directory that its own user may not write to': [
    healthy('global', there({ mode: 0o500, unwritable: 'EACCES' })),
    ['problem directory-unwritable'],
  ],
  'R007-134 a directory that all may write to': [
    healthy('global', there({ mode: 0o777 })),
    ['problem directory-open'],
  ],
  'R007-134 a directory that its group may write to': [
    healthy('global', there({ mode: 0o770 })),
    ['problem directory-open'],
  ],
  'R007-134 a directory that all may write to, though sticky': [
    healthy('global', there({ mode: 0o1777 })),
    ['problem directory-open'],
  ],
  'R007-134 a directory that others may look into': [
    healthy('global', there({ mode: 0o755 })),
    ['warning directory-readable'],
  ],
  'R007-134 a directory that the group of the socket may look into': [
    healthy('global', {
      ...there({ mode: 0o750 }),
      settings: { value: { role: 'global', socketGroup: 'staff' } },
    }),
    [],
  ],
  'R007-134 a directory that all may look into, beside the group of the socket': [
    healthy('global', {
      ...there({ mode: 0o755 }),
      settings: { value: { role: 'global', socketGroup: 'staff' } },
    }),
    ['warning directory-readable'],
  ],
  'R007-134 a directory of something else': [
    healthy('standalone', {
      ...there({ entries: [{ name: 'notes.txt', uid: 1000, mode: 0o600 }] }),
      ...withDaemon({ state: 'none' }),
    }),
    ['warning directory-strange', 'note daemon-stopped'],
  ],
  'R007-134 a file of another user': [
    healthy('global', there({ entries: [{ name: 'config.json', uid: 0, mode: 0o600 }] })),
    ['problem files-foreign'],
  ],
  'R007-134 a secret that others can read': [
    healthy('global', there({ entries: [{ name: 'identity.key', uid: 1000, mode: 0o640 }] })),
    ['problem secret-open'],
  ],
  'R007-134 settings that cannot be read': [
    healthy('global', { settings: { why: '/state/config.json: Unexpected end' } }),
    ['problem settings-broken'],
  ],
  'R007-135 a stopped node': [
    healthy('global', withDaemon({ state: 'none' })),
    ['note daemon-stopped'],
  ],
  'R007-135 a stale socket': [
    healthy('standalone', withDaemon({ state: 'stale', holder: { pid: 7, since: 'then' } })),
    ['problem daemon-killed'],
  ],
  'R007-135 a lock without a socket': [
    healthy('standalone', withDaemon({ state: 'no socket', holder: undefined, isStarting: false })),
    ['problem socket-missing'],
  ],
  'R007-135 a lock without a socket yet': [
    healthy(
      'standalone',
      withDaemon({ state: 'no socket', holder: { pid: 7, since: 'now' }, isStarting: true }),
    ),
    ['note daemon-starting'],
  ],
  'R007-135 a plain file in the place of the socket': [
    healthy('standalone', withDaemon({ state: 'no socket file' })),
    ['problem socket-not-a-socket'],
  ],
  "R007-135 another user's socket": [
    healthy('standalone', withDaemon({ state: 'denied', message: 'not yours', hint: 'ask' })),
    ['problem socket-denied'],
  ],
  'R007-135 a frozen daemon': [
    healthy(
      'standalone',
      withDaemon({ state: 'silent', holder: { pid: 7, since: undefined }, isStopped: true }),
    ),
    ['problem daemon-frozen'],
  ],
  'R007-135 a silent daemon': [
    healthy('standalone', withDaemon({ state: 'silent', holder: undefined, isStopped: false })),
    ['problem daemon-silent'],
  ],
  'R007-135 a silent daemon that is known and not stopped': [
    healthy(
      'standalone',
      withDaemon({ state: 'silent', holder: { pid: 7, since: undefined }, isStopped: false }),
    ),
    ['problem daemon-silent'],
  ],
  'R007-135 another program at the socket': [
    healthy('standalone', withDaemon({ state: 'strange', message: 'not HTTP' })),
    ['problem daemon-strange'],
  ],
  'R007-135 the daemon of another directory': [
    healthy('standalone', { path: '/other' }),
    ['warning daemon-elsewhere'],
  ],
  'R007-136 an address that refuses, another in time': [
    healthy('local', probed('refused', 'reached')),
    [],
  ],
  'R007-136 no address, and the daemon away': [
    healthy('local', cutOff('refused', 'late'), link(AWAY)),
    ['problem global-unreachable', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 no address, and the daemon doubtful': [
    healthy('local', probed('mute'), link({ state: 'doubtful' })),
    ['problem global-unreachable'],
  ],
  'R007-136 no address, and the daemon connected': [
    healthy('local', probed('late')),
    ['warning global-not-probed'],
  ],
  'R007-136 another node in its place': [
    healthy('local', cutOff('other-peer'), link(AWAY)),
    ['problem global-impostor', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 another node at one address': [
    healthy('local', probed('other-peer', 'reached')),
    ['warning global-impostor'],
  ],
  'R007-136 another node at one address, and nothing at the other': [
    healthy('local', cutOff('other-peer', 'refused'), link(AWAY)),
    [
      'problem global-impostor',
      'problem global-unreachable',
      'note lane-not-checked',
      'note clock-not-checked',
    ],
  ],
  'R007-136 Global answers, and the daemon is away': [
    healthy('local', cutOff('reached'), link(AWAY)),
    ['warning global-away', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 Global refuses this node': [
    healthy('local', cutOff('reached'), link({ ...AWAY, errorCode: 'not-permitted' })),
    ['problem member-removed', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 no protocol in common': [
    healthy('local', cutOff('reached'), link({ ...AWAY, errorCode: 'incompatible' })),
    ['problem protocol-incompatible', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 only loopback, from elsewhere': [
    healthy(
      'local',
      {
        global: {
          value: {
            probes: [
              { address: `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`, outcome: 'refused', ms: 1 },
              { address: `/ip6/::1/tcp/1/p2p/${PEER}`, outcome: 'refused', ms: 1 },
            ],
            lane: undefined,
          },
        },
      },
      link(AWAY),
    ),
    [
      'problem global-unreachable',
      'note global-loopback',
      'note lane-not-checked',
      'note clock-not-checked',
    ],
  ],
  'R007-137 a lane port that refuses': [
    healthy('local', {
      global: {
        value: {
          probes: [{ address: ADDRESS, outcome: 'reached', ms: 1 }],
          lane: { port: 4481, outcome: 'refused' },
        },
      },
    }),
    ['warning lane-closed'],
  ],
  'R007-137 a lane port behind a firewall': [
    healthy('local', {
      global: {
        value: {
          probes: [{ address: ADDRESS, outcome: 'reached', ms: 1 }],
          lane: { port: 4481, outcome: 'late' },
        },
      },
    }),
    ['warning lane-closed'],
  ],
  'R007-137 a lane that failed, at an open port': [
    healthy('local', {}, link({ laneFault: 'port 4481 of 10.0.0.1 does not answer' })),
    ['warning lane-closed'],
  ],
  'R004-79 R007-142 a Global that reports nothing': [
    healthy(
      'local',
      {
        global: {
          value: { probes: [{ address: ADDRESS, outcome: 'reached', ms: 1 }], lane: undefined },
        },
      },
      link({ version: undefined, lanePort: undefined, clockDifferenceMs: undefined }),
    ),
    ['note lane-not-checked'],
  ],
  'R007-138 a clock an hour behind': [
    healthy('local', {}, link({ clockDifferenceMs: 3_600_000 })),
    ['problem clock-off'],
  ],
  'R007-138 a clock an hour ahead': [
    healthy('local', {}, link({ clockDifferenceMs: -3_600_000 })),
    ['problem clock-off'],
  ],
  'R007-138 a clock ten seconds ahead': [
    healthy('local', {}, link({ clockDifferenceMs: -10_000 })),
    ['warning clock-off'],
  ],
  'R007-138 a clock that a slow answer explains': [
    healthy('local', {}, link({ clockDifferenceMs: 6000, roundTripMs: 3000 })),
    [],
  ],
  'R007-138 a clock a day ahead of what was trusted': [
    healthy(
      'global',
      {},
      statusFor('global', { clock: { trusted: false, why: 'ahead', offMs: 9e7 } }),
    ),
    ['problem clock-untrusted'],
  ],
  'R007-138 a clock that was set': [
    healthy(
      'global',
      {},
      statusFor('global', { clock: { trusted: false, why: 'set', leftMs: 9e4 } }),
    ),
    ['note clock-set'],
  ],
  'R007-138 a clock after a start': [
    healthy('global', {}, statusFor('global', { clock: { trusted: false, why: 'starting' } })),
    [],
  ],
  'R007-139 a full disk': [
    healthy('global', { disk: { value: { ...disk, freeBytes: 16 * MIB } } }),
    ['problem disk-full'],
  ],
  'R007-139 a nearly full disk': [
    healthy('global', { disk: { value: { ...disk, freeBytes: 271 * MIB } } }),
    ['warning disk-low'],
  ],
  'R007-139 a nearly full disk, which a Local does not need': [
    healthy('local', { disk: { value: { ...disk, freeBytes: 16 * MIB } } }),
    [],
  ],
  'R007-139 a full disk, of a Local': [
    healthy('local', { disk: { value: { ...disk, freeBytes: 4096 } } }),
    ['problem disk-full'],
  ],
  'R007-139 a read-only disk': [
    healthy('global', there({ unwritable: 'EROFS' })),
    ['problem disk-read-only'],
  ],
  'R007-139 no inode': [
    healthy('global', { disk: { value: { ...disk, freeFiles: 0 } } }),
    ['problem inodes-full'],
  ],
  'R007-139 few inodes': [
    healthy('global', { disk: { value: { ...disk, freeFiles: 999 } } }),
    ['warning inodes-low'],
  ],
  'R007-139 a filesystem without a number of inodes': [
    healthy('global', { disk: { value: { ...disk, freeFiles: 0, totalFiles: 0 } } }),
    [],
  ],
  'R007-139 a full quota': [
    healthy(
      'global',
      { settings: { value: { role: 'global', maxBytes: GIB } } },
      statusFor('global', { store: { ...statusFor('global').store!, headroomBytes: 0 } }),
    ),
    ['problem quota-full'],
  ],
  'R007-139 a nearly full quota': [
    healthy(
      'global',
      { settings: { value: { role: 'global', maxBytes: GIB } } },
      statusFor('global', { store: { ...statusFor('global').store!, headroomBytes: 50 * MIB } }),
    ),
    ['warning quota-low'],
  ],
  'R007-140 a cache of more than half of the limit': [
    healthy('local', { memory: { value: { ...memory, limitBytes: 1.5 * GIB } } }),
    ['warning cache-large'],
  ],
  'R007-140 a cache of nearly all of the memory': [
    healthy('local', { memory: { value: { ...memory, totalBytes: 1.2 * GIB } } }),
    ['problem cache-too-large'],
  ],
  'R007-140 little memory': [
    healthy('global', { memory: { value: { ...memory, limitBytes: 128 * MIB } } }),
    ['warning memory-small'],
  ],
  'R007-141 64 descriptors in this shell': [
    healthy('global', { descriptors: { value: { soft: 64, hard: 64, used: 20 } } }),
    ['problem descriptors-shell'],
  ],
  'R007-141 64 descriptors of the daemon': [
    healthy('global', { daemonDescriptors: { value: { soft: 64, hard: 64, used: 20 } } }),
    ['problem descriptors-daemon'],
  ],
  'R007-141 some descriptors': [
    healthy('global', { descriptors: { value: { soft: 256, hard: 4096, used: 20 } } }),
    ['warning descriptors-shell'],
  ],
  'R007-141 descriptors that are nearly used up': [
    healthy('global', { daemonDescriptors: { value: { soft: 4096, hard: 4096, used: 4000 } } }),
    ['problem descriptors-daemon-used'],
  ],
  'R007-141 descriptors without end': [
    healthy('global', { descriptors: { value: { soft: Infinity, hard: Infinity, used: 3 } } }),
    [],
  ],
  'R007-142 an older daemon': [
    healthy('global', {}, statusFor('global', { version: '0.1.0' })),
    ['warning daemon-version'],
  ],
  'R007-142 an older Global': [
    healthy('local', {}, link({ version: '0.1.9' })),
    ['warning global-version'],
  ],
  'R007-143 a Global on loopback': [
    healthy('global', {}, statusFor('global', { listen: ['/ip4/127.0.0.1/tcp/4480'] })),
    ['note loopback-only'],
  ],
  'R007-338 an API in the open': [healthy('global', {}, PLAIN_HTTP), ['warning http-plain']],
  'R007-143 a Global on loopback and on a network': [
    healthy(
      'global',
      {},
      statusFor('global', { listen: ['/ip4/127.0.0.1/tcp/4480', '/ip4/10.0.0.1/tcp/4480'] }),
    ),
    [],
  ],
  'R007-143 a Global on every network of a machine without one': [
    healthy(
      'global',
      { settings: { value: { role: 'global', listen: ['/ip4/0.0.0.0/tcp/4480'] } } },
      statusFor('global', { listen: ['/ip4/127.0.0.1/tcp/4480'] }),
    ),
    [],
  ],
  'R007-145 a damaged value': [
    healthy(
      'global',
      {},
      statusFor('global', { store: { ...statusFor('global').store!, damaged: 1 } }),
    ),
    ['problem values-damaged'],
  ],
  'R007-144 a store of an earlier role': [
    healthy(
      'local',
      {},
      {
        ...statusFor('local'),
        inactiveStore: { values: 3, valueBytes: 300, names: 1 },
      },
    ),
    ['note store-inactive'],
  ],
  'R007-133 nothing can be looked at': [
    healthy('global', {
      directory: { why: 'it hangs' },
      settings: { why: 'it hangs' },
      daemon: { why: 'it hangs' },
      disk: { why: 'it hangs' },
      memory: { why: 'it hangs' },
      descriptors: { why: 'it hangs' },
      daemonDescriptors: undefined,
    }),
    ['directory', 'settings', 'daemon', 'disk', 'memory', 'descriptors'].map(
      (subject) => `note ${subject}-not-checked`,
    ),
  ],
  'R007-134 R007-141 two faults at once': [
    healthy('global', {
      ...there({ mode: 0o777 }),
      descriptors: { value: { soft: 64, hard: 64, used: 20 } },
    }),
    ['problem directory-open', 'problem descriptors-shell'],
  ],
}
