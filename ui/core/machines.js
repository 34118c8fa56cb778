/**
 * The machines that a node knows of, whatever its role tells it.
 * @module
 */

/**
 * @typedef {object} Machine
 * @property {string} peer
 * @property {string} [label]
 * @property {string} [kind]
 * @property {string} [role]
 * @property {string} state
 * @property {string} [since]
 * @property {number} [behind]
 * @property {number} [bytesServed]
 * @property {number} [owes]
 * @property {number} [roundTripMs]
 */

/** @type {Readonly<Record<string, number>>} */
const ORDER = { doubtful: 1, away: 2, connected: 3, expelled: 4 }

/** @type {WeakMap<object, readonly Machine[]>} */
const ofStatus = new WeakMap()

/**
 * Those who owe first, then those who are not well, then by label.
 * @param {import('./state.js').State} state
 * @returns {readonly Machine[]}
 */
export function machinesOf({ status, members }) {
  if (status === undefined) return []
  /** @type {readonly Machine[]} */
  let machines
  if (members !== undefined && members.size > 0) machines = [...members.values()]
  else {
    // The same objects for the same status: rows of the table stay as they are.
    machines = ofStatus.get(status) ?? machinesOfStatus(status)
    ofStatus.set(status, machines)
  }
  return machines.toSorted(
    (a, b) => rank(a) - rank(b) || compare(a.label ?? a.peer, b.label ?? b.peer),
  )
}

/** @param {Machine} machine */
const rank = ({ owes = 0, state }) => (owes > 0 ? 0 : (ORDER[state] ?? 1))

/**
 * By code units: much faster than a collation, with a thousand machines four times a second.
 * @param {string} a
 * @param {string} b
 */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

/**
 * What a reader's or a Local's status tells.
 * @param {import('./documents.js').Status} status
 * @returns {Machine[]}
 */
function machinesOfStatus({ global, locals, registered, traffic }) {
  const served = new Map(traffic.map((one) => [one.peer, one.valueBytesIn]))
  /** @type {Map<string, Machine>} */
  const machines = new Map()
  for (const { peer, connected } of registered) {
    machines.set(peer, { peer, state: connected ? 'connected' : 'away' })
  }
  for (const peer of locals) machines.set(peer, { peer, state: 'connected' })
  if (global !== undefined) {
    const { peer, state, since, roundTripMs } = global
    machines.set(peer, {
      peer,
      kind: 'Global',
      state,
      since,
      ...(roundTripMs !== undefined && { roundTripMs }),
    })
  }
  for (const { peer } of traffic) {
    if (!machines.has(peer)) machines.set(peer, { peer, kind: 'Local', state: 'seen' })
  }
  for (const machine of machines.values()) {
    const bytes = served.get(machine.peer)
    if (bytes !== undefined) machine.bytesServed = bytes
  }
  return [...machines.values()]
}

/**
 * How many are in each state, and how many owe.
 * @param {readonly Machine[]} machines
 * @returns {[word: string, count: number][]}
 */
export function countMachines(machines) {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { state } of machines) counts.set(state, (counts.get(state) ?? 0) + 1)
  const owing = machines.filter(({ owes = 0 }) => owes > 0).length
  return [...counts, ...(owing === 0 ? [] : [/** @type {[string, number]} */ (['owing', owing])])]
}
