/**
 * Cards with the figures of the node, for the parts that it has.
 * @module
 */
import {
  formatCount,
  formatDuration,
  formatLatency,
  formatShare,
  formatSize,
  formatSpan,
  plural,
  shorten,
} from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { fill, h, mark } from '../../parts/dom.js'
import { card, createFacts, createMeter } from '../../parts/facts.js'
import { state } from '../../parts/store.js'
import { setCard } from './set-card.js'

/** Cards with the figures of the parts that the node has. */
export function createCards() {
  const cards = [
    nodeCard(),
    globalCard(),
    localsCard(),
    memoryCard(),
    storeCard(),
    archiveCard(),
    setCard(),
  ]
  const waiting = h('p', { class: 'empty' }, 'Waiting for the first figures…')
  return {
    element: h('div', { class: 'cards' }, waiting, ...cards.map(({ element }) => element)),
    update: () => {
      const { status } = state
      waiting.hidden = status !== undefined
      for (const one of cards) one.element.hidden = status === undefined || !one.update(status)
    },
  }
}

/**
 * @typedef {import('../../core/documents.js').Status} Status
 * @typedef {{ element: HTMLElement, update: (status: Status) => boolean }} StatusCard
 */

/**
 * An age that is made again only for another time.
 */
function agoOf() {
  /** @type {{ time: string | undefined, element: HTMLElement } | undefined} */
  let kept
  return (/** @type {string | undefined} */ time) => {
    if (kept?.time !== time || kept === undefined) kept = { time, element: ago(time) }
    return kept.element
  }
}

/** @returns {StatusCard} */
function nodeCard() {
  const facts = createFacts()
  const started = agoOf()
  return {
    element: card('This node', facts.element),
    update({ role, version, startedAt, position, daemon, peerId, leaseMs }) {
      facts.update([
        ['role', ROLES[role]],
        ['version', version],
        ['started', started(startedAt)],
        ['position', position],
        ['lease', leaseMs === undefined ? undefined : formatDuration(leaseMs)],
        ['process', `${daemon.pid}, ${formatSize(daemon.residentBytes)}`],
        ['directory', daemon.directory],
        ['peer id', peerId === undefined ? undefined : shorten(peerId, 12, 6)],
        ['doors', daemon.doors?.join(' ')],
        ['calls refused', daemon.http?.refused ? formatCount(daemon.http.refused) : undefined],
      ])
      return true
    },
  }
}

const ROLES = Object.freeze({
  standalone: 'standalone: one node alone',
  global: 'Global: the durable copy of all machines',
  local: 'Local: a cache of Global',
})

const LINK_LEVELS = Object.freeze({ connected: 'good', doubtful: 'warn', away: 'bad' })

/** @returns {StatusCard} */
function globalCard() {
  const facts = createFacts()
  const since = agoOf()
  const heard = agoOf()
  const shown = h('p', { class: 'headline' })
  let before = ''
  return {
    element: card('Global', shown, facts.element),
    update({ global }) {
      if (global === undefined) return false
      if (before !== global.state) fill(shown, mark(LINK_LEVELS[global.state], global.state))
      before = global.state
      facts.update([
        ['since', since(global.since)],
        [
          'round trip',
          global.roundTripMs === undefined ? undefined : formatLatency(global.roundTripMs),
        ],
        ['last heard', global.state === 'connected' ? undefined : heard(global.lastHeard)],
        ['because', global.error],
        ['address', global.address],
        ['version', global.version],
      ])
      return true
    },
  }
}

/** @returns {StatusCard} */
function localsCard() {
  const facts = createFacts()
  return {
    element: card('Machines', facts.element),
    update({ role, locals, registered, members, refused = {} }) {
      if (role !== 'global') return false
      const away = registered.filter(({ connected }) => !connected).length
      const refusals = Object.entries(refused).filter(([, times]) => times > 0)
      facts.update([
        ['connected', formatCount(locals.length)],
        ['away', formatCount(away)],
        ['members', members === undefined ? undefined : formatCount(members)],
        ['refused', refusals.map(([why, times]) => `${formatCount(times)} ${why}`).join(', ')],
      ])
      return true
    },
  }
}

/** @returns {StatusCard} */
function memoryCard() {
  const memory = createMeter('cache')
  const files = createMeter('cached files')
  const pins = createMeter('pins')
  const facts = createFacts()
  return {
    element: card('Memory', memory.element, files.element, pins.element, facts.element),
    update({ cache, pins: pinned }) {
      if (cache === undefined) return false
      memory.update(cache.usedBytes, cache.budgetBytes)
      files.update(cache.files?.usedBytes, cache.files?.budgetBytes)
      pins.update(pinned?.pins ? pinned.usedBytes : undefined, pinned?.budgetBytes)
      const reads = cache.hits + cache.misses
      facts.update([
        ['values', formatCount(cache.values)],
        ['hits', `${formatCount(cache.hits)} (${formatShare(cache.hits, reads)})`],
        ['misses', formatCount(cache.misses)],
        ['evictions', formatCount(cache.evictions)],
        [
          'cached files',
          cache.files === undefined ? cache.noFiles : formatCount(cache.files.values),
        ],
      ])
      return true
    },
  }
}

/** @returns {StatusCard} */
function storeCard() {
  const quota = createMeter('quota')
  const space = createMeter('space')
  const facts = createFacts()
  return {
    element: card('Store', quota.element, space.element, facts.element),
    update({ store, archive }) {
      if (store === undefined) return false
      const { kind, durable, values, valueBytes, headroomBytes, quotaBytes, damaged } = store
      quota.update(quotaBytes === undefined ? undefined : valueBytes, quotaBytes)
      const isOpen =
        quotaBytes === undefined && archive === undefined && headroomBytes !== undefined
      space.update(isOpen ? valueBytes : undefined, valueBytes + (headroomBytes ?? 0))
      const room = archive === undefined ? 'room for' : 'room for values of up to'
      facts.update([
        ['kept', durable ? `on ${kind}` : `in ${kind}: nothing outlasts the daemon`],
        ['values', `${formatCount(values)}, ${formatSize(valueBytes)}`],
        [room, headroomBytes === undefined ? undefined : formatSize(headroomBytes)],
        ['damaged', formatCount(damaged)],
        ['missing in directories', store.missingHeld?.toString()],
        [
          'unfinished puts',
          store.unfinishedBytes > 0 ? formatSize(store.unfinishedBytes) : undefined,
        ],
        ['changes so far', formatCount(store.seq)],
      ])
      return true
    },
  }
}

/** @returns {StatusCard} */
function archiveCard() {
  const disk = createMeter('disk')
  const first = createMeter('first copy')
  const facts = createFacts()
  return {
    element: card('Archive', disk.element, first.element, facts.element),
    update({ archive }) {
      if (archive === undefined) return false
      const { state: is, place, lagEntries, lagBytes, lagMs, firstCopy, snapshot, error } = archive
      disk.update(archive.disk?.usedBytes, archive.disk?.budgetBytes)
      first.update(firstCopy?.done, firstCopy?.total)
      const lag = `${plural(lagEntries, 'entry', 'entries')}, ${formatSize(lagBytes)}, ${formatSpan(lagMs)}`
      facts.update([
        ['state', is],
        ['place', place],
        ['behind by', lagEntries === 0 ? 'nothing' : lag],
        [
          'snapshot',
          snapshot === undefined ? 'none yet' : `entry ${formatCount(snapshot.position)}`,
        ],
        ['last fault', error],
      ])
      return true
    },
  }
}
