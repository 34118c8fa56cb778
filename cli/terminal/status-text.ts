/** The status of a node for people: one line per fact. */
import type { HttpStatus, StatusAnswer } from '../../src/daemon/api/api.ts'
import type { ClockStatus } from '../../src/node/node-status.ts'
import { archiveFacts } from './archive-text.ts'
import { ownSetText } from './set-text.ts'
import { byId, type NameOf } from './member-names.ts'
import { plural } from './terminal.ts'
import { agoText, sinceText } from '../wording.ts'
import { formatContents, formatDuration, formatSize } from '../../src/daemon/config/quantities.ts'

/** How the status is shown. */
export interface StatusStyle {
  /** Also what only a program, or a person in search of a fault, can use. */
  readonly verbose?: boolean
  /** The clock, for ages; without it times are written as they are. */
  readonly now?: number | undefined
}

type Fact = [name: string, value: string | undefined]

export function statusText(
  status: StatusAnswer,
  nameOf: NameOf = byId,
  style: StatusStyle = {},
): string {
  const { daemon, global, clock, store, cache, pins, inactiveStore } = status
  const { now, verbose = false } = style
  const started = sinceText(status.startedAt, now)
  const facts: Fact[] = [
    ['role', status.role],
    ['set', status.set && ownSetText(status.set, now)],
    ['version', status.version],
    ['process', `${daemon.pid}, ${started}, ${formatSize(daemon.residentBytes)}`],
    ['directory', daemon.directory],
    ['HTTP', daemon.http && httpText(daemon.http)],
    ['doors', doorsText(daemon)],
    ['Global', global && globalText(global, now)],
    ['away because', global?.state === 'away' ? global.error : undefined],
    ['bulk', global?.laneFault && `over the encrypted stream; ${global.laneFault}`],
    ['Locals', status.role === 'global' ? localsText(status, nameOf) : undefined],
    ['members', status.members?.toString()],
    ['refused', status.refused && refusedText(status.refused)],
    ['position', verbose ? status.position : undefined],
    ['lease', status.leaseMs === undefined ? undefined : formatDuration(status.leaseMs)],
    ['wall clock', clock && clockText(clock)],
    ['store', store && storeText(store, status.archive !== undefined, verbose)],
    ...archiveFacts(status.archive, now),
    ...(status.rules ?? []).map((rule): Fact => ['rule', ruleText(rule)]),
    ['cache', cache && cacheText(cache)],
    ['cached files', cache && filesText(cache)],
    ['pins', pins && pinsText(pins)],
    ['not served', inactiveStore && inactiveText(inactiveStore)],
    ...status.traffic.map(({ peer, valueBytesIn, valueBytesOut }): Fact => [
      'traffic',
      `${formatSize(valueBytesIn)} in, ${formatSize(valueBytesOut)} out, ${nameOf(peer)}`,
    ]),
    ...addressFacts(status),
  ]
  return facts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(14)}${value}`)
    .join('\n')
}

/** What is long, and few people look for: at the end. */
function addressFacts({ peerId, daemon, listen, lanePort, global }: StatusAnswer): Fact[] {
  return [
    ['peer id', peerId],
    ['socket', daemon.socket],
    ...listen.map((address): Fact => ['listening on', address]),
    ['bulk port', lanePort?.toString()],
    ['Global is at', global?.address],
  ]
}

/** The API over TCP: its URL, and how to get access. */
export function httpText({ url, public: isPublic, tokenFile, refused }: HttpStatus): string {
  const open = isPublic ? ', values and names readable without it' : ''
  return `${url}, token in ${tokenFile}${open}${refused === 0 ? '' : `, ${refused} refused`}`
}

/** Where open doors are, by URL; undefined if none is open. */
export function doorsText({
  doors = [],
  http,
}: Pick<StatusAnswer['daemon'], 'doors' | 'http'>): string | undefined {
  if (doors.length === 0) return undefined
  if (http === undefined) return `${doors.join(' ')}, over the socket only: see --http`
  return doors.map((path) => `${http.url}${path}`).join(' ')
}

/** Whether the network can read what the API serves at this address (R007-338). */
export const isPlain = (url: string): boolean =>
  url.startsWith('http://') && !/^http:\/\/(localhost|127\.[\d.]+|\[::1\])(:|$)/.test(url)

export const plainText = (url: string): string =>
  `${url} is not encrypted: the network can read its tokens, and all values`

/** `connected for 3m, round trip 1.2ms`; while away, when it was last heard. */
function globalText(
  { state, since, lastHeard, roundTripMs }: NonNullable<StatusAnswer['global']>,
  now: number | undefined,
): string {
  const sign =
    state === 'connected'
      ? roundTripMs !== undefined && `round trip ${roundTripMs.toFixed(roundTripMs < 10 ? 1 : 0)}ms`
      : lastHeard !== undefined && `last heard ${agoText(lastHeard, now)}`
  return [`${state} ${sinceText(since, now)}`, sign].filter(Boolean).join(', ')
}

/** `3 connected, 1 away: 12D3...`: Locals that are away have removals to catch up on. */
function localsText({ locals, registered }: StatusAnswer, nameOf: NameOf): string {
  const away = registered.filter(({ connected }) => !connected).map(({ peer }) => peer)
  const absent = away.length === 0 ? '' : `, ${away.length} away: ${away.map(nameOf).join(' ')}`
  return `${locals.length} connected${absent}`
}

/** `3 stranger, 1 role`: refused requests by reason; undefined if there are none. */
function refusedText(refused: NonNullable<StatusAnswer['refused']>): string | undefined {
  const counts = Object.entries(refused).filter(([, times]) => times > 0)
  return counts.map(([why, times]) => `${times} ${why}`).join(', ') || undefined
}

/**
 * Why nothing is deleted by age, and what to do about it; undefined if the clock is trusted, or
 * will be ten minutes after the start.
 */
function clockText({ trusted, why, leftMs = 0, offMs = 0 }: ClockStatus): string | undefined {
  if (trusted || why === 'starting') return undefined
  if (why === 'set') {
    const left = inUnits(leftMs, 60_000)
    return `was set; not trusted for another ${left}, and until then nothing is deleted by age`
  }
  const off = `${inUnits(offMs, 3_600_000)} ${why === 'ahead' ? 'ahead of' : 'behind'}`
  return (
    `NOT TRUSTED: ${off} the newest time that was; nothing is deleted by age. ` +
    'Set it right, or, if it is right, start this node once with --trust-clock'
  )
}

const inUnits = (ms: number, unitMs: number): string =>
  formatDuration(Math.ceil(ms / unitMs) * unitMs)

/** In a store with an archive, room is that of the disk for one large value. */
function storeText(
  store: NonNullable<StatusAnswer['store']>,
  isArchived: boolean,
  verbose: boolean,
): string {
  const {
    kind,
    durable,
    values,
    valueBytes,
    headroomBytes,
    damaged,
    unfinishedBytes,
    missingHeld,
    seq,
  } = store
  const which = isArchived ? 'values of up to ' : ''
  const room = headroomBytes === undefined ? '' : `, room for ${which}${formatSize(headroomBytes)}`
  const warning = durable ? '' : ' (nothing is kept)'
  const lacking = missingHeld === undefined ? '' : `, ${missingHeld} held by directories MISSING`
  const broken = (damaged === 0 ? '' : `, ${damaged} DAMAGED`) + lacking
  const begun = unfinishedBytes === 0 ? '' : `, ${formatSize(unfinishedBytes)} of unfinished puts`
  const size = formatSize(valueBytes)
  const change = verbose ? `, seq ${seq}` : ''
  return `${kind}${warning}: ${plural(values, 'value')}${broken}, ${size}${begun}${room}${change}`
}

/** `cache/: 12 names, 3 MiB of 4 MiB, 5 removed` */
function ruleText(rule: NonNullable<StatusAnswer['rules']>[number]): string {
  const { prefix, names, size, maxNames, maxSize, removed, counting } = rule
  const many = maxNames === undefined ? plural(names, 'name') : `${names} of ${maxNames} names`
  const bytes = formatSize(size) + (maxSize === undefined ? '' : ` of ${formatSize(maxSize)}`)
  const which = prefix === undefined ? 'without a name' : prefix === '' ? 'all names' : prefix
  return `${which}: ${many}, ${bytes}, ${removed} removed${counting ? ', still counting' : ''}`
}

/** What a store of an earlier role has, and what to do with it. */
export function inactiveText(store: NonNullable<StatusAnswer['inactiveStore']>): string {
  if (store.error !== undefined)
    return `a store in this directory, which cannot be read: ${store.error}`
  return (
    `${formatContents(store)} of a store in this directory; ` +
    '`dstore join --with-data` uploads them to Global, and `--drop-data` deletes what Global has'
  )
}

/** `3, 1.2GiB of 2GiB reserved, 1 NOT HELD: dstore pins`; undefined without pins. */
function pinsText({
  pins,
  incomplete,
  usedBytes,
  budgetBytes,
}: NonNullable<StatusAnswer['pins']>): string | undefined {
  if (pins === 0) return undefined
  const missing = incomplete === 0 ? '' : `, ${incomplete} NOT HELD: see \`dstore pins\``
  return `${pins}, ${formatSize(usedBytes)} of ${formatSize(budgetBytes)} reserved${missing}`
}

/** `1.2GiB of 8GiB on a disk: 12 values, 3 evictions, in /var/cache/...`; or why there are none. */
function filesText({ files, noFiles }: NonNullable<StatusAnswer['cache']>): string | undefined {
  if (files === undefined) return noFiles && `none: ${noFiles}`
  const { directory, kind, budgetBytes, usedBytes, values, evictions } = files
  const { heldBytes, removedHeldBytes = 0 } = files
  const place = kind === 'disk' ? 'on a disk' : 'in shared memory'
  const bound = budgetBytes === undefined ? ', within the cache,' : ` of ${formatSize(budgetBytes)}`
  const held = heldBytes === 0 ? '' : `, ${formatSize(heldBytes)} held by callers`
  const removed =
    removedHeldBytes === 0
      ? ''
      : `, ${formatSize(removedHeldBytes)} held by readers of removed values`
  const counts = `${plural(values, 'value')}, ${plural(evictions, 'eviction')}${held}${removed}`
  return `${formatSize(usedBytes)}${bound} ${place}: ${counts}, in ${directory}`
}

function cacheText(cache: NonNullable<StatusAnswer['cache']>): string {
  const { usedBytes, budgetBytes, values, hits, misses, evictions } = cache
  const reads = hits + misses
  const rate = reads === 0 ? '' : ` (${Math.round((100 * hits) / reads)}%)`
  return (
    `${formatSize(usedBytes)} of ${formatSize(budgetBytes)}: ${plural(values, 'value')}, ` +
    `${plural(hits, 'hit')}${rate}, ${plural(misses, 'miss')}, ${plural(evictions, 'eviction')}`
  )
}
