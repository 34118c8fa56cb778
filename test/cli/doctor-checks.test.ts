/** The checks of `dstore doctor`, from facts to findings. */
import { test } from '../serial.ts'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import { isOlderThan } from '../../cli/doctor/check-daemon.ts'
import { laneTarget } from '../../cli/doctor/check-global.ts'
import { examine } from '../../cli/doctor/checks.ts'
import type { DaemonFacts, Facts, GlobalFacts } from '../../cli/doctor/facts.ts'
import { SUBJECTS, type Finding } from '../../cli/doctor/finding.ts'
import { findingsText, summaryText } from '../../cli/doctor/render.ts'
import { isLoopback, octal, quoted, span } from '../../cli/doctor/words.ts'

const GIB = 2 ** 30
const MIB = 2 ** 20
const PEER = '12D3KooWKEGWLk6djGR4m18EpHBBC2oZ5KKC1znqU8oWCY9LMDeF'
const ADDRESS = `/ip4/10.0.0.1/tcp/4480/p2p/${PEER}`

type Role = StatusAnswer['role']
type Link = NonNullable<StatusAnswer['global']>

const LINK: Link = {
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

function statusFor(role: Role, more: Partial<StatusAnswer> = {}): StatusAnswer {
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

function healthy(role: Role, more: Partial<Facts> = {}, status = statusFor(role)): Facts {
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
    disk: {
      value: { freeBytes: 50 * GIB, totalBytes: 100 * GIB, freeFiles: 1e6, totalFiles: 2e6 },
    },
    memory: { value: { totalBytes: 8 * GIB, availableBytes: 4 * GIB, limitBytes: undefined } },
    descriptors: { value: { soft: 4096, hard: 4096, used: 30 } },
    daemonDescriptors: { value: { soft: 4096, hard: 4096, used: 30 } },
    ...more,
  }
}

const worse = (facts: Facts): readonly Finding[] =>
  examine(facts).filter(({ severity }) => severity !== 'ok')

const named = (facts: Facts): string[] =>
  worse(facts).map(({ id, severity }) => `${severity} ${id}`)

const withDaemon = (value: DaemonFacts): Partial<Facts> => ({
  daemon: { value },
  daemonDescriptors: undefined,
})

type There = Extract<Facts['directory'], { readonly value: unknown }>['value'] & { state: 'there' }

const there = (more: Partial<There>): Partial<Facts> => ({
  directory: { value: { ...(healthy('global').directory as { value: There }).value, ...more } },
})

const link = (more: Partial<Link>): StatusAnswer =>
  statusFor('local', { global: { ...LINK, ...more } })

const probed = (...outcomes: string[]): Partial<Facts> => ({
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
function cutOff(...outcomes: string[]): Partial<Facts> {
  const { global } = probed(...outcomes)
  return { global: { value: { ...(global as { value: GlobalFacts }).value, lane: undefined } } }
}

test('R007-132 a healthy node of each role has no finding but those that are ok', (t) => {
  for (const role of ['standalone', 'global', 'local'] as const) {
    t.deepEqual(named(healthy(role)), [], role)
    t.is(summaryText(examine(healthy(role))), 'nothing is wrong')
    t.notRegex(findingsText(examine(healthy(role))), /remedy/)
  }
})

const disk = { freeBytes: 50 * GIB, totalBytes: 100 * GIB, freeFiles: 1e6, totalFiles: 2e6 }
const memory = { totalBytes: 8 * GIB, availableBytes: 4 * GIB, limitBytes: undefined }
const away = { state: 'away', address: undefined, error: 'it ended' } as const

/** By what is wrong: the facts, and exactly what is found. */
const CASES: Readonly<Record<string, readonly [Facts, string[]]>> = {
  'R007-134 no directory yet': [
    healthy('standalone', {
      directory: { value: { state: 'missing' } },
      settings: { value: {} },
      ...withDaemon({ state: 'none' }),
    }),
    ['note directory-missing'],
  ],
  'R007-134 a file in the place of the directory': [
    healthy('standalone', { directory: { value: { state: 'no directory' } } }),
    ['problem directory-not-a-directory'],
  ],
  'R007-134 a directory of another user': [
    healthy('global', there({ uid: 0 })),
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
    healthy('standalone', withDaemon({ state: 'no socket', holder: undefined })),
    ['problem socket-missing'],
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
    healthy('local', cutOff('refused', 'late'), link(away)),
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
    healthy('local', cutOff('other-peer'), link(away)),
    ['problem global-impostor', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 another node at one address': [
    healthy('local', probed('other-peer', 'reached')),
    ['warning global-impostor'],
  ],
  'R007-136 another node at one address, and nothing at the other': [
    healthy('local', cutOff('other-peer', 'refused'), link(away)),
    [
      'problem global-impostor',
      'problem global-unreachable',
      'note lane-not-checked',
      'note clock-not-checked',
    ],
  ],
  'R007-136 Global answers, and the daemon is away': [
    healthy('local', cutOff('reached'), link(away)),
    ['warning global-away', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 Global refuses this node': [
    healthy('local', cutOff('reached'), link({ ...away, errorCode: 'not-permitted' })),
    ['problem member-removed', 'note lane-not-checked', 'note clock-not-checked'],
  ],
  'R007-136 no protocol in common': [
    healthy('local', cutOff('reached'), link({ ...away, errorCode: 'incompatible' })),
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
      link(away),
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

for (const [title, [facts, expected]] of Object.entries(CASES)) {
  test(`${title}: what doctor finds`, (t) => t.deepEqual(named(facts), expected))
}

test('R007-132 every id is in the spec, and the spec names no other', (t) => {
  const spec = readFileSync('specs/007-daemon-and-command-line.md', 'utf8')
  const section = spec.slice(spec.indexOf('### Doctor'), spec.indexOf('### Completion'))
  const isId = (word: string): boolean => /^[a-z]+(-[a-z]+)+$/.test(word)
  const inSpec = new Set([...section.matchAll(/`([a-z-]+)`/g)].map(([, id]) => id!).filter(isId))
  const used = ['descriptors-shell-used', 'descriptors-daemon-used']
  const found = new Set(Object.values(CASES).flatMap(([facts]) => worse(facts).map(({ id }) => id)))
  const checked = [...found].filter((id) => !id.endsWith('-not-checked') && !used.includes(id))
  t.deepEqual(checked.toSorted(), [...inSpec].filter((id) => id !== '-used').toSorted())
  // The unit tests above make every finding that the code can make.
  const code = readdirSync('cli/doctor').map((file) =>
    readFileSync(join('cli/doctor', file), 'utf8'),
  )
  const written = [...code.join('').matchAll(/'([a-z]+(?:-[a-z]+)+)'/g)].map(([, id]) => id!)
  for (const id of checked) t.true(written.includes(id), id)
})

test('R007-132 every finding has a remedy with a command, and each is one line', (t) => {
  const all = Object.values(CASES).flatMap(([facts]) => worse(facts))
  for (const { id, found, remedy } of all) {
    t.regex(remedy ?? '', /`[^`]+`|--dir|--socket|config\.json|no step|ask/, id)
    t.notRegex(`${found}${remedy}`, /[\n{}]/, id)
    t.notRegex(`${found}${remedy}`, /undefined|NaN|\[object/, id)
  }
})

test('R007-132 the commands of a remedy name the node that was examined', (t) => {
  const selector = " --dir '/my state'"
  const [stopped] = worse(healthy('global', { selector, ...withDaemon({ state: 'none' }) }))
  t.is(stopped!.remedy, "`dstore start --dir '/my state'` starts it")
  const [removed] = worse(
    healthy(
      'local',
      { selector, ...probed('reached') },
      link({ ...away, errorCode: 'not-permitted' }),
    ),
  )
  t.is(
    removed!.remedy,
    'on Global: `dstore invite > ticket`; here: ' +
      "`dstore stop --dir '/my state'`, then `dstore join --dir '/my state' @ticket`",
  )
})

test('R007-133 a check that fails is a finding, and the others are made', (t) => {
  const broken = { ...statusFor('global'), listen: 5 } as unknown as StatusAnswer
  t.deepEqual(named(healthy('global', { ...there({ mode: 0o777 }) }, broken)), [
    'problem directory-open',
    'note listen-not-checked',
  ])
})

const some = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)

/** Any facts: healthy ones, those of every case, unknown ones, and a status that lacks parts. */
const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    base: some(...Object.values(CASES).map(([facts]) => facts)),
    parts: fc.array(
      some<keyof Facts>(
        'directory',
        'settings',
        'daemon',
        'global',
        'disk',
        'memory',
        'descriptors',
        'daemonDescriptors',
      ),
    ),
    from: some(...Object.values(CASES).map(([facts]) => facts)),
    unknown: fc.array(
      some<keyof Facts>(
        'directory',
        'settings',
        'daemon',
        'global',
        'disk',
        'memory',
        'descriptors',
      ),
    ),
    lost: fc.array(
      some<keyof StatusAnswer>(
        'version',
        'listen',
        'clock',
        'global',
        'store',
        'cache',
        'role',
        'startedAt',
      ),
    ),
  })
  .map(({ base, parts, from, unknown, lost }) => {
    const facts: Record<string, unknown> = { ...base }
    for (const part of parts) facts[part] = from[part]
    for (const part of unknown) facts[part] = { why: 'it is not known' }
    const daemon = facts['daemon'] as Facts['daemon']
    if ('value' in daemon && daemon.value.state === 'serving') {
      const status = Object.fromEntries(
        Object.entries(daemon.value.status).filter(([name]) => !lost.includes(name as 'role')),
      ) as unknown as StatusAnswer
      facts['daemon'] = { value: { ...daemon.value, status } }
    }
    return facts as unknown as Facts
  })

test('R007-132 R007-133 any facts give findings, each of one line, problems first', (t) => {
  const rank = ['problem', 'warning', 'note', 'ok']
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const findings = examine(facts)
      const ranks = findings.map(({ severity }) => rank.indexOf(severity))
      t.deepEqual(
        ranks,
        ranks.toSorted((a, b) => a - b),
      )
      for (const { subject, severity, remedy, found } of findings) {
        t.true(SUBJECTS.includes(subject))
        t.is(remedy === undefined, severity === 'ok')
        t.false(found.includes('\n'))
      }
      const lines = findingsText(findings).split('\n')
      const remedies = findings.filter(({ remedy }) => remedy !== undefined).length
      t.is(lines.length, Math.max(1, findings.length + remedies))
    }),
    { numRuns: 300 },
  )
})

test('R007-142 versions compare by their numbers', (t) => {
  t.true(isOlderThan('0.9.0', '0.10.0'))
  t.true(isOlderThan('0.1.0-rc.1', '0.1.0'))
  t.false(isOlderThan('0.1.0', '0.1.0'))
  t.false(isOlderThan('1.0.0', '0.99.99'))
})

test('R007-137 the lane port is tried at the host where Global is connected', (t) => {
  t.deepEqual(laneTarget(statusFor('local')), { host: '10.0.0.1', port: 4481 })
  t.deepEqual(laneTarget(link({ address: `/dns4/g.example/tcp/1/p2p/${PEER}` })), {
    host: 'g.example',
    port: 4481,
  })
  t.is(laneTarget(link({ address: undefined })), undefined)
  t.is(laneTarget(undefined), undefined)
})

test('R007-132 figures in words', (t) => {
  t.deepEqual([0, 999, 1000, 59_999, 3_600_000, -3_725_000, 90_061_000].map(span), [
    '0ms',
    '999ms',
    '1s',
    '1m',
    '1h',
    '1h 2m',
    '1d 1h',
  ])
  t.is(octal(0o40777 & 0o7777), '0777')
  t.is(octal(0o1700), '01700')
  t.is(quoted("/it's"), String.raw`'/it'\''s'`)
  t.is(quoted('/plain-1.0'), '/plain-1.0')
  t.deepEqual(
    ['/ip4/127.9.0.1/tcp/1', '/ip6/::1/tcp/1', '/dns/localhost/tcp/1', '/ip4/10.0.0.1/tcp/1'].map(
      isLoopback,
    ),
    [true, true, true, false],
  )
})
