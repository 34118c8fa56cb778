/**
 * What a person should look at, out of the state of the node.
 * @module
 */
import { formatDuration, formatSize, formatSpan, plural } from './format.js'

/**
 * @typedef {object} Notice
 * @property {'warn' | 'bad'} level
 * @property {string} text
 * @property {string} [hint] Commands stand in backticks.
 */

/** Bytes of room below which a person should know. */
const LOW_BYTES = 256 * 1024 * 1024

/**
 * What is wrong with a node, the worst first.
 * @param {import('./state.js').State} state
 * @returns {Notice[]}
 */
export function attentionOf({ status, members }) {
  if (status === undefined) return []
  const { global, store, pins, clock, archive, set, inactiveStore } = status
  const notices = [
    global && ofGlobal(global),
    ...(store === undefined ? [] : ofStore(store)),
    archive && ofArchive(archive),
    set && ofSet(set),
    clock && ofClock(clock),
    pins && ofPins(pins),
    inactiveStore && ofInactive(inactiveStore),
    ofMembers(status, members),
  ].filter((one) => one !== undefined)
  return notices.toSorted((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'))
}

/**
 * @param {NonNullable<import('./documents.js').Status['global']>} global
 * @returns {Notice | undefined}
 */
function ofGlobal({ state, error, laneFault }) {
  if (state === 'away') {
    const why = error === undefined ? '' : `: ${error}`
    return {
      level: 'bad',
      text: `Global is away${why}`,
      hint: '`dstore doctor` tries its addresses',
    }
  }
  if (state === 'doubtful') {
    return { level: 'warn', text: 'Global has been silent; reads ask it first' }
  }
  if (laneFault === undefined) return undefined
  return { level: 'warn', text: `Bulk goes over the encrypted stream: ${laneFault}` }
}

/**
 * @param {NonNullable<import('./documents.js').Status['store']>} store
 * @returns {(Notice | undefined)[]}
 */
function ofStore({ durable, damaged, missingHeld = 0, headroomBytes }) {
  const repair = '`dstore verify --repair` mends what another machine still has'
  return [
    damaged > 0
      ? { level: 'bad', text: `${plural(damaged, 'value')} damaged`, hint: repair }
      : undefined,
    missingHeld > 0
      ? { level: 'bad', text: `${plural(missingHeld, 'value')} that directories hold missing` }
      : undefined,
    headroomBytes !== undefined && headroomBytes < LOW_BYTES
      ? {
          level: headroomBytes === 0 ? 'bad' : 'warn',
          text: `Room for ${formatSize(headroomBytes)} more`,
          hint: '`dstore du` shows what takes the space',
        }
      : undefined,
    durable
      ? undefined
      : { level: 'warn', text: 'The store is in memory: nothing outlasts the daemon' },
  ]
}

/**
 * @param {NonNullable<import('./documents.js').Status['archive']>} archive
 * @returns {Notice | undefined}
 */
function ofArchive({ state, lagEntries, lagMs, error }) {
  if (state === 'fenced' || state === 'unreachable') {
    const why = error === undefined ? '' : `: ${error}`
    return { level: 'bad', text: `The archive is ${state}${why}` }
  }
  if (state !== 'behind') return undefined
  const text = `The archive lacks ${plural(lagEntries, 'entry', 'entries')}, the oldest ${formatSpan(lagMs)} old`
  return { level: 'warn', text }
}

/**
 * @param {NonNullable<import('./documents.js').Status['set']>} set
 * @returns {Notice | undefined}
 */
function ofSet({ members, state, error }) {
  if (error !== undefined) return { level: 'bad', text: `The engine of the set: ${error}` }
  if (state === 'paused' || state === 'fenced') {
    return { level: 'bad', text: `This member of the set is ${state}` }
  }
  if (members.some((one) => one.state === 'active')) return undefined
  return { level: 'warn', text: 'No member of the set is known to be active' }
}

/**
 * @param {NonNullable<import('./documents.js').Status['clock']>} clock
 * @returns {Notice | undefined}
 */
function ofClock({ trusted, why, offMs = 0 }) {
  if (trusted || why === 'starting') return undefined
  const off =
    why === 'set' ? 'was set' : `is ${formatSpan(offMs)} ${why === 'ahead' ? 'ahead' : 'behind'}`
  return { level: 'warn', text: `The wall clock ${off}: nothing is deleted by age` }
}

/**
 * @param {NonNullable<import('./documents.js').Status['pins']>} pins
 * @returns {Notice | undefined}
 */
function ofPins({ incomplete }) {
  if (incomplete === 0) return undefined
  return {
    level: 'warn',
    text: `${plural(incomplete, 'pin')} not held`,
    hint: '`dstore pins` says why',
  }
}

/**
 * @param {NonNullable<import('./documents.js').Status['inactiveStore']>} store
 * @returns {Notice}
 */
function ofInactive({ values, error }) {
  if (error !== undefined) {
    return { level: 'warn', text: `A store of an earlier role cannot be read: ${error}` }
  }
  const hint = '`dstore join --with-data` uploads them to Global'
  return { level: 'warn', text: `${plural(values, 'value')} of an earlier role not served`, hint }
}

/**
 * @param {import('./documents.js').Status} status
 * @param {import('./state.js').State['members']} members
 * @returns {Notice | undefined}
 */
function ofMembers({ role, leaseMs }, members) {
  if (role !== 'global' || members === undefined) return undefined
  const owing = [...members.values()].filter(({ owes = 0 }) => owes > 0)
  if (owing.length === 0) return undefined
  const lease = leaseMs === undefined ? '' : ` (the lease is ${formatDuration(leaseMs)})`
  const verb = owing.length === 1 ? 'owes' : 'owe'
  return {
    level: 'bad',
    text: `${plural(owing.length, 'machine')} ${verb} the acknowledgement of a removal${lease}`,
  }
}
