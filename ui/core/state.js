/**
 * What the page knows of the node, out of the updates of `GET /v1/events`. Bounded, whatever comes.
 * @module
 */

/** Samples of rates: ten minutes, one a second. */
export const MOST_SAMPLES = 600
/** Members that are kept. */
export const MOST_MEMBERS = 20_000

/**
 * @typedef {import('./documents.js').Status} Status
 * @typedef {import('./documents.js').Sample} Sample
 * @typedef {import('./documents.js').Transfer} Transfer
 * @typedef {import('./documents.js').Member} Member
 * @typedef {import('./documents.js').Removal} Removal
 * @typedef {import('./documents.js').Update} Update
 */

/**
 * @typedef {object} State
 * @property {Status | undefined} status
 * @property {Sample[]} samples The oldest first.
 * @property {number} intervalMs
 * @property {{ active: number, transfers: readonly Transfer[] } | undefined} transfers
 * @property {Map<string, Member> | undefined} members By peer; undefined where they are not told.
 * @property {readonly Removal[] | undefined} removals
 */

/** @typedef {'status' | 'rates' | 'transfers' | 'members' | 'removals'} Topic */

/** @returns {State} */
export const emptyState = () => ({
  status: undefined,
  samples: [],
  intervalMs: 1000,
  transfers: undefined,
  members: undefined,
  removals: undefined,
})

/**
 * Applies an update to the state, and says which topics changed.
 * @param {State} state
 * @param {Update} update
 * @returns {Topic[]}
 */
export function applyUpdate(state, update) {
  /** @type {Topic[]} */
  const topics = []
  const { status, rates, transfers, members, removals } = update
  if (status !== undefined) {
    state.status = status
    topics.push('status')
  }
  if (rates !== undefined) {
    state.intervalMs = rates.intervalMs
    addSamples(state, rates.samples)
    topics.push('rates')
  }
  if (transfers !== undefined) {
    state.transfers = transfers
    topics.push('transfers')
  }
  if (members !== undefined) {
    applyMembers(state, members)
    topics.push('members')
  }
  if (removals !== undefined) {
    state.removals = removals.removals
    topics.push('removals')
  }
  return topics
}

/**
 * After a new connection the first samples repeat what is known.
 * @param {State} state
 * @param {readonly Sample[]} samples
 */
function addSamples(state, samples) {
  const last = state.samples.at(-1)?.at ?? -Infinity
  for (const sample of samples) if (sample.at > last) state.samples.push(sample)
  if (state.samples.length > MOST_SAMPLES) {
    state.samples.splice(0, state.samples.length - MOST_SAMPLES)
  }
}

/**
 * @param {State} state
 * @param {NonNullable<Update['members']>} members
 */
function applyMembers(state, { changed, gone, all }) {
  const known = all === true || state.members === undefined ? new Map() : state.members
  for (const member of changed) {
    if (known.has(member.peer) || known.size < MOST_MEMBERS) known.set(member.peer, member)
  }
  for (const peer of gone ?? []) known.delete(peer)
  state.members = known
}

/**
 * What a peer is called: its label, else its id.
 * @param {State} state
 * @param {string} peer
 * @returns {string}
 */
export const nameOf = ({ members }, peer) => members?.get(peer)?.label ?? peer

/**
 * The sum of a field over the samples of the last `ms` milliseconds.
 * @param {readonly Sample[]} samples
 * @param {(sample: Sample) => number} field
 * @param {number} ms
 * @returns {number}
 */
export function sumOf(samples, field, ms) {
  const from = (samples.at(-1)?.at ?? 0) - ms
  let sum = 0
  for (let i = samples.length - 1; i >= 0; i--) {
    const sample = samples[i]
    if (sample === undefined || sample.at <= from) break
    sum += field(sample)
  }
  return sum
}
