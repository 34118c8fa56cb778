/** Checks of a member of a set (specs/012-set.md, R012-84 to R012-88). No I/O. */
import {
  AHEAD_MS,
  BEHIND_MS,
  activeOf,
  membersOf,
  nameIn,
  type SetMemberView,
} from '../../terminal/set-members.ts'
import type { SetReport } from '../../../src/node/global/set/set-report.ts'
import { formatSize } from '../../../src/daemon/config/quantities.ts'
import { type Facts, type SetFacts, statusOf } from '../facts.ts'
import { type Finding, reportOn } from '../finding.ts'
import { isLoopback, quoted } from '../words.ts'
import { span } from '../../wording.ts'

const report = reportOn('set')

/** An engine that answers does so every 250 ms. */
const SILENT_MS = 10_000
/** A snapshot is due every hour of changes. */
const SNAPSHOT_MS = 86_400_000
/** An engine that is fuller than this may soon take nothing more. */
const FULL = 0.9
/** More entries than a follower is behind because its note is some seconds old. */
const LAG_ENTRIES = 100_000

export function checkSet(facts: Facts): readonly Finding[] {
  const { set } = facts
  if (set === undefined) return []
  if ('why' in set) return [report.unknown(set.why)]
  const { value } = set
  const status = statusOf(facts)?.set
  const found = [
    ...filesOf(value),
    ...linksOf(value),
    ...engineOf(value),
    ...bucketOf(value),
    ...(status?.bucketErrorCode === 'conflict' ? [] : togetherOf(value)),
    ...roomsOf(value),
    ...(status === undefined ? [] : [...ownState(status), ...membersIn(status)]),
  ]
  return found.length > 0 ? found : [report.ok(fine(value, status))]
}

/** The files that hold secrets: readable by others, or not there. */
function filesOf({ key, secrets }: SetFacts): Finding[] {
  const found: Finding[] = []
  for (const [id, what, file] of [
    ['set-key', 'the key file of the set', key],
    ['set-secrets', 'the secrets of the engine', secrets],
  ] as const) {
    if (file?.state === 'open') {
      const remedy = `\`chmod 600 ${quoted(file.path)}\``
      found.push(report.problem(`${id}-open`, `others may read ${what}, ${file.path}`, remedy))
    }
    if (file?.state === 'missing') {
      const remedy = `copy it from another member to ${quoted(file.path)}, with mode 0600`
      found.push(report.warning(`${id}-missing`, `${what} is not here: ${file.path}`, remedy))
    }
  }
  return found
}

/** Ways to engine and bucket on which the network can read. */
function linksOf({ endpoint, isEnginePlain, engine }: SetFacts): Finding[] {
  const found: Finding[] = []
  if (isEnginePlain) {
    const what = `every change goes to ${engine} in clear: the network can read it`
    const remedy =
      'give the servers certificates, then `dstore stop` and `dstore start` with a tls:// URL: docs/set.md'
    found.push(report.warning('set-engine-plain', what, remedy))
  }
  const isPlain = endpoint !== undefined && /^http:/i.test(endpoint)
  if (isPlain && !/^http:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(endpoint)) {
    const what = `values go to ${endpoint} in clear: the network can read them`
    const remedy =
      'give the server a certificate, then `dstore start --bucket-endpoint https://...`'
    found.push(report.warning('set-bucket-plain', what, remedy))
  }
  return found
}

const ENGINE_FAULTS: Readonly<Record<string, string>> = {
  incompatible: 'set-engine-unfit',
  integrity: 'set-engine-unfit',
  'not-permitted': 'set-engine-denied',
  unsupported: 'set-client-missing',
  usage: 'set-engine-url',
}

function engineOf({ tried }: SetFacts): Finding[] {
  const fault = tried.engine
  if (fault === undefined) return []
  const { code, message, hint = 'most of its servers must be up: docs/set.md' } = fault
  const id = ENGINE_FAULTS[code] ?? 'set-engine-unreachable'
  return [report.problem(id, `from this shell: ${message}`, hint)]
}

const BUCKET_FAULTS: Readonly<Record<string, string>> = {
  'not-permitted': 'set-bucket-denied',
  'not-found': 'set-no-bucket',
  incompatible: 'set-bucket-ignores-conditions',
  unsupported: 'set-client-missing',
}

function bucketOf({ tried }: SetFacts): Finding[] {
  const fault = tried.bucket
  if (fault === undefined) return []
  const { code, message, hint = 'see docs/set.md, "The bucket"' } = fault
  const id = BUCKET_FAULTS[code] ?? 'set-bucket-unreachable'
  return [report.problem(id, `from this shell: ${message}`, hint)]
}

/** Engine and bucket, each well, are not of one set, or one of them lost what it had. */
function togetherOf({ tried }: SetFacts): Finding[] {
  const fault = tried.together
  if (fault === undefined) return []
  const { code, message, hint = 'see docs/set.md' } = fault
  return [report.problem(code === 'integrity' ? 'set-journal-lost' : 'set-parted', message, hint)]
}

function roomsOf({ rooms }: SetFacts): Finding[] {
  const full = rooms.filter(({ usedBytes, mostBytes }) => usedBytes >= FULL * mostBytes)
  if (full.length === 0) return []
  const said = full.map(({ what, usedBytes, mostBytes }) => {
    return `${what} has ${formatSize(usedBytes)} of ${formatSize(mostBytes)}`
  })
  const what = `${said.join(', ')}: once that is full, nothing is acknowledged`
  const remedy =
    'give it more room, by max_file of the servers, or max_bytes of account or stream; `dstore logs` shows whether snapshots are made, which let it forget entries'
  return [report.warning('set-engine-full', what, remedy)]
}

/** What this member itself lives through. */
function ownState({
  state,
  engine,
  engineSilentMs,
  error,
  errorCode,
  snapshot,
  members,
  bucketError,
  bucketErrorCode,
}: SetReport): Finding[] {
  const found: Finding[] = []
  const why = error === undefined ? '' : `: ${error}`
  if (state === 'paused' || engineSilentMs > SILENT_MS) {
    const what = `${engine} has not answered for ${span(engineSilentMs)}, so nothing is acknowledged${why}`
    found.push(report.problem('set-engine-silent', what, remedyOf(errorCode)))
  }
  if (bucketErrorCode === 'conflict') {
    const what = `${bucketError}: its objects were deleted, values over 16 KiB among them`
    const remedy =
      'restore them, from versions that the provider keeps; end no member before: it would not start again'
    found.push(report.problem('set-bucket-emptied', what, remedy))
  } else if (bucketError !== undefined) {
    const id = BUCKET_FAULTS[bucketErrorCode ?? ''] ?? 'set-bucket-unreachable'
    const what = `${bucketError}: large values wait, and members do not hear of each other`
    const remedy = 'see whether the bucket is there, and --bucket-endpoint right; `dstore logs`'
    found.push(report.problem(id, what, remedy))
  }
  const ageMs = snapshot && Date.parse(members[0]!.at) - Date.parse(snapshot.at)
  if (ageMs === undefined || ageMs > SNAPSHOT_MS) {
    const age = ageMs && `the newest snapshot is ${span(ageMs)} old`
    const what = `${age ?? 'the bucket has no snapshot yet'}; a new member reads all entries since`
    const remedy = 'no step is needed if little changes; else `dstore logs` shows why none is made'
    found.push(report.note('set-snapshot-old', what, remedy))
  }
  return found
}

/** By the last fault of the engine. */
function remedyOf(code: string | undefined): string {
  switch (code) {
    case 'integrity':
      return 'keep the directory of each member; restore the journal in the engine, or begin another set: docs/set.md'
    case 'no-space':
      return 'give the engine more room; the set goes on by itself'
    case 'not-permitted':
      return 'give the user of the set its rights back; the set goes on by itself'
    default:
      return 'start the servers of the engine: most of them must be up, and as docs/set.md sets them up; the set goes on by itself'
  }
}

/** What the members say of themselves. */
function membersIn(status: SetReport): Finding[] {
  // They say it in the bucket.
  if (status.bucketError !== undefined) return []
  const members = membersOf(status)
  const heard = members.filter(({ silent }) => !silent)
  const found: Finding[] = []
  const names = (some: readonly SetMemberView[]): string =>
    some.map((one) => nameIn(members, one)).join(', ')
  const silent = members.filter((one) => one.silent)
  if (activeOf(members) === undefined) {
    const what = 'no member says that it is active, so no Local is served'
    const remedy = 'wait some seconds; then look at the others: `{other}dstore set status`'
    found.push(report.problem('set-none-active', what, remedy))
  }
  if (heard.length === 1) {
    const what = 'no other member is heard: if this one ends, nothing takes over'
    found.push(report.warning('set-alone', what, 'start another member: docs/set.md'))
  }
  if (silent.length > 0) {
    const last = silent.map(({ agoMs }) => agoMs)
    const what = `not heard for ${span(Math.min(...last))} or more: ${names(silent)}`
    const remedy =
      'on its machine: `{other}dstore start`; one that is gone for good is forgotten after 7 days'
    found.push(report.warning('set-member-silent', what, remedy))
  }
  const versions = [...new Set(heard.map(({ version }) => version))]
  if (versions.length > 1) {
    const what = `the members are of versions ${versions.join(' and ')}`
    const remedy = 'upgrade the standbys first, then the active one: docs/set.md'
    found.push(report.warning('set-versions-differ', what, remedy))
  }
  const behind = heard.filter(({ lag = 0 }) => lag > LAG_ENTRIES)
  if (behind.length > 0) {
    const what = `far behind, and slow to take over: ${names(behind)}`
    const remedy = 'wait; if that lasts, its machine or its way to the engine is too slow'
    found.push(report.warning('set-member-behind', what, remedy))
  }
  return [...found, ...clocksOf(heard, names), ...loopbackOf(heard, names)]
}

/** Clocks that differ from that of the member that was asked. */
function clocksOf(
  heard: readonly SetMemberView[],
  names: (some: readonly SetMemberView[]) => string,
): Finding[] {
  const ahead = heard.filter(({ aheadMs }) => aheadMs >= AHEAD_MS)
  const behind = heard.filter(({ aheadMs }) => aheadMs <= -BEHIND_MS)
  const remedy = '`timedatectl set-ntp true` on the machine whose clock is wrong'
  return [['ahead of', ahead] as const, ['behind', behind] as const].flatMap(([where, some]) => {
    if (some.length === 0) return []
    const ms = Math.max(...some.map(({ aheadMs }) => Math.abs(aheadMs)))
    const what = `${where} the clock of this member by ${span(ms)}: ${names(some)}`
    return [report.warning('set-clock-off', what, remedy)]
  })
}

/** Members of other machines that no Local elsewhere reaches. */
function loopbackOf(
  heard: readonly SetMemberView[],
  names: (some: readonly SetMemberView[]) => string,
): Finding[] {
  const hidden = heard.filter(
    ({ addresses }) => addresses.length > 0 && addresses.every((one) => isLoopback(one)),
  )
  // Where all are, the set is tried on one machine; that no other can join is a note of its own.
  if (hidden.length === 0 || hidden.length === heard.length) return []
  const what = `on loopback only, so no Local of another machine reaches it: ${names(hidden)}`
  const remedy =
    'there: `{other}dstore stop`, then `{other}dstore start --listen /ip4/0.0.0.0/tcp/4480`'
  return [report.warning('set-loopback', what, remedy)]
}

function fine({ engine }: SetFacts, status: SetReport | undefined): string {
  if (status === undefined) return `${engine} answers, and keeps what it acknowledges`
  const members = membersOf(status)
  const active = activeOf(members)
  const who = active === undefined ? '' : `, ${nameIn(members, active)} is active`
  return `${members.length} members${who}, over ${engine}`
}
