/** Checks of a Local's Global: its addresses, lanes and clock (R007-136 to R007-138). No I/O. */
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { PeerOutcome, PeerProbe, TcpOutcome } from '../../src/network/probe.ts'
import type { Facts } from './facts.ts'
import { roleOf, statusOf } from './facts.ts'
import type { Finding } from './finding.ts'
import { reportOn } from './finding.ts'
import { span } from '../wording.ts'
import { isLoopback, place, portOf } from './words.ts'

const report = reportOn('global')

type Link = NonNullable<StatusAnswer['global']>

/** What an address met, in words. */
const MET: Readonly<Record<PeerOutcome, string>> = {
  reached: 'reached',
  refused: 'connection refused',
  'no-route': 'no route to it',
  'no-host': 'no such host',
  late: 'timed out',
  'other-peer': 'another node answers',
  mute: 'open, but nothing answers',
  stranger: 'what answers is not this Global',
}

const NEW_TICKET =
  'on Global: `{other}dstore invite -o ticket`; here: `dstore stop`, then `dstore join @ticket`'

export function checkGlobal(facts: Facts): readonly Finding[] {
  const { global } = facts
  if (roleOf(facts) !== 'local') return []
  if (global === undefined) return [report.unknown('no address of Global is known', NEW_TICKET)]
  if ('why' in global) return [report.unknown(global.why)]
  const { probes } = global.value
  const link = statusOf(facts)?.global
  const reached = probes.filter(({ outcome }) => outcome === 'reached')
  const found = [...refusals(link), ...impostors(probes, reached.length > 0)]
  if (reached.length === 0) found.push(...unreached(link, probes))
  else if (link?.state === 'away' && found.length === 0) found.push(away(link, reached))
  return found.length > 0 ? found : [report.ok(summary(reached, probes))]
}

function summary(reached: readonly PeerProbe[], probes: readonly PeerProbe[]): string {
  const ways = reached.map(({ address, ms }) => `${place(address)} in ${span(ms)}`).join(', ')
  const failed = probes.filter(({ outcome }) => outcome !== 'reached')
  const others = failed.length === 0 ? '' : `; not at ${met(failed)}`
  return `reached at ${ways}${others}`
}

const met = (probes: readonly PeerProbe[]): string =>
  probes.map(({ address, outcome }) => `${place(address)}: ${MET[outcome]}`).join(', ')

/** Global was reached, and does not take this node. */
function refusals(link: Link | undefined): readonly Finding[] {
  if (link?.state !== 'away') return []
  const { error = 'it gave no reason', errorCode } = link
  if (errorCode === 'not-permitted') {
    return [
      report.problem('member-removed', `Global does not admit this node: ${error}`, NEW_TICKET),
    ]
  }
  if (errorCode !== 'incompatible') return []
  return [
    report.problem(
      'protocol-incompatible',
      `this node and Global have no protocol in common: ${error}`,
      'install the same version on both machines; `dstore --version` shows it',
    ),
  ]
}

function impostors(probes: readonly PeerProbe[], isReached: boolean): readonly Finding[] {
  const others = probes.filter(({ outcome }) => outcome === 'other-peer')
  if (others.length === 0) return []
  const where = others.map(({ address }) => place(address)).join(', ')
  const found = `another node than this Global answers at ${where}`
  return [
    isReached
      ? report.warning(
          'global-impostor',
          found,
          'no step is needed: another address reaches Global',
        )
      : report.problem('global-impostor', found, NEW_TICKET),
  ]
}

function unreached(link: Link | undefined, probes: readonly PeerProbe[]): readonly Finding[] {
  const rest = probes.filter(({ outcome }) => outcome !== 'other-peer')
  // What other nodes answer for is reported already.
  if (rest.length === 0) return []
  if (link?.state === 'connected') {
    return [
      report.warning(
        'global-not-probed',
        `the daemon is connected to Global, but a new connection fails: ${met(rest)}`,
        'run `dstore doctor` in the network (container, namespace) in which the daemon runs',
      ),
    ]
  }
  const found = [
    report.problem(
      'global-unreachable',
      `Global cannot be reached: ${met(rest)}`,
      remedyFor(rest, link),
    ),
  ]
  if (!rest.every(({ address }) => isLoopback(address))) return found
  return [
    ...found,
    report.note(
      'global-loopback',
      'every known address of Global is loopback: it works only on the same machine as Global',
      'if Global is elsewhere, there: `{other}dstore start --listen /ip4/0.0.0.0/tcp/4480`, and a new ticket',
    ),
  ]
}

function remedyFor(probes: readonly PeerProbe[], link: Link | undefined): string {
  const has = (...outcomes: PeerOutcome[]): boolean =>
    probes.some(({ outcome }) => outcomes.includes(outcome))
  const ports = [...new Set(probes.map(({ address }) => portOf(address)))].join(', ')
  if (has('mute', 'stranger')) {
    return `on Global's machine: \`{other}dstore doctor\` tells whether the program at port ${ports} is it, and hangs`
  }
  if (has('late', 'no-route')) {
    return `let TCP port ${ports} through the firewall of Global's machine: \`nc -vz HOST ${ports}\` tests it`
  }
  if (has('no-host')) return 'mend the host name: `getent hosts NAME` must print an address'
  const peer = link?.peer ?? /\/p2p\/([^/]+)$/.exec(probes[0]!.address)?.[1] ?? 'PEERID'
  return (
    "on Global's machine: `{other}dstore start`; if `{other}dstore status` there shows another port, here: " +
    `\`dstore stop\`, then \`dstore join /ip4/HOST/tcp/PORT/p2p/${peer}\``
  )
}

function away({ since, error = 'unknown' }: Link, reached: readonly PeerProbe[]): Finding {
  return report.warning(
    'global-away',
    `Global answers at ${place(reached[0]!.address)}, but the daemon is cut off since ${since}: ${error}`,
    'it dials again by itself; if that lasts: `dstore stop`, then `dstore start`',
  )
}

const LANE: Readonly<Record<TcpOutcome, string>> = {
  open: 'open',
  refused: 'refuses connections',
  'no-route': 'cannot be reached',
  'no-host': 'cannot be found',
  late: 'does not answer',
}

/** Bulk data goes by lanes, or slower over the encrypted stream. */
export function checkLane(facts: Facts): readonly Finding[] {
  const on = reportOn('lane')
  const global = facts.global
  const lane = global !== undefined && 'value' in global ? global.value.lane : undefined
  const fault = statusOf(facts)?.global?.laneFault
  if (roleOf(facts) !== 'local') return []
  if (lane === undefined && fault === undefined) return [on.unknown(noLane(facts), CONNECT)]
  const isClosed = lane !== undefined && lane.outcome !== 'open'
  if (!isClosed && fault === undefined) return [on.ok(`port ${lane!.port} is open`)]
  const why = isClosed ? `Global's port ${lane.port} ${LANE[lane.outcome]}` : fault!
  const port = lane === undefined ? 'of lanes' : String(lane.port)
  return [
    on.warning(
      'lane-closed',
      `bulk data goes over the encrypted stream, which is slower: ${why}`,
      `let TCP port ${port} through the firewall of Global's machine, or choose another there: ` +
        '`{other}dstore stop`, then `{other}dstore start --lane-port PORT`',
    ),
  ]
}

/** Why the port is not known. */
function noLane(facts: Facts): string {
  const link = statusOf(facts)?.global
  if (link === undefined) return 'no daemon answers'
  if (link.state === 'away') return 'the daemon is cut off from Global'
  return 'Global does not report its port: it is of an older version, or accepts no lanes'
}

/** From here on a difference is reported, and from there on it is a problem. */
const WARN_MS = 5000
const PROBLEM_MS = 300_000

/** What only a connected daemon knows. */
const CONNECT = 'once the daemon is connected: `dstore doctor`'

const SET_CLOCK =
  '`timedatectl set-ntp true` on the machine whose clock is wrong; `date -u` shows it'

/** The wall clock: against Global's at a Local, else against the newest time that was trusted. */
export function checkClock(facts: Facts): readonly Finding[] {
  const on = reportOn('clock')
  const { clock, global } = statusOf(facts) ?? {}
  if (clock !== undefined) return clockOfIndex(clock)
  if (roleOf(facts) !== 'local') return []
  if (global === undefined) return [on.unknown('no daemon answers', CONNECT)]
  if (global.state === 'away') return [on.unknown('the daemon is cut off from Global', CONNECT)]
  const { clockDifferenceMs: difference, roundTripMs = 0 } = global
  if (difference === undefined) {
    return [on.ok("Global's clock is not known: its version does not report it")]
  }
  // What a slow answer may have added.
  const off = Math.max(0, Math.abs(difference) - roundTripMs / 2)
  const trip = `round trip ${span(roundTripMs)}`
  const found = `this node's clock is ${span(difference)} ${difference > 0 ? 'behind' : 'ahead of'} Global's (${trip})`
  if (off >= PROBLEM_MS) return [on.problem('clock-off', found, SET_CLOCK)]
  if (off >= WARN_MS) return [on.warning('clock-off', found, SET_CLOCK)]
  return [on.ok(`${span(difference)} off Global's (${trip})`)]
}

function clockOfIndex({
  trusted,
  why,
  leftMs = 0,
  offMs = 0,
}: NonNullable<StatusAnswer['clock']>): readonly Finding[] {
  const on = reportOn('clock')
  if (trusted || why === 'starting') return [on.ok(trusted ? 'trusted' : 'not yet compared')]
  if (why === 'set') {
    return [
      on.note(
        'clock-set',
        `the clock was set: nothing is deleted by age for another ${span(leftMs)}`,
        'wait; if the clock is set again and again, `timedatectl timesync-status` shows by how much',
      ),
    ]
  }
  const way = why === 'ahead' ? 'ahead of' : 'behind'
  return [
    on.problem(
      'clock-untrusted',
      `the clock is ${span(offMs)} ${way} the newest time that was trusted; nothing is deleted by age`,
      'set it right: `timedatectl set-ntp true`; if it is right: `dstore stop`, `dstore start --trust-clock`',
    ),
  ]
}

/** What has to be known of Global for `checkLane`: the host where it is connected. */
export function laneTarget(
  status: StatusAnswer | undefined,
): { readonly host: string; readonly port: number } | undefined {
  const { address, lanePort } = status?.global ?? {}
  const host = /^\/(?:ip4|ip6|dns[46]?)\/([^/]+)/.exec(address ?? '')?.[1]
  return host === undefined || lanePort === undefined ? undefined : { host, port: lanePort }
}
