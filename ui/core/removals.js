/**
 * A removal as it reaches the machines: what is shown of it, whether Global's events tell it or
 * only the answer to the page's own call.
 * @module
 */

/**
 * @typedef {object} Tile
 * @property {string} name
 * @property {'done' | 'owes' | 'expired'} state
 *
 * @typedef {object} Progress
 * @property {string} id
 * @property {string} key
 * @property {string} [name]
 * @property {string} [startedAt]
 * @property {string} [endedAt]
 * @property {readonly Tile[]} tiles Those who owe first.
 * @property {number} acknowledged
 * @property {number} owing
 * @property {number} unlisted Machines that are only counted.
 * @property {string} [note]
 * @property {boolean} [isAsking] The call has no answer yet, and no event tells of it.
 */

const LEASE_RAN_OUT = 'A machine whose lease ran out serves nothing until it has caught up.'

/**
 * @param {import('./documents.js').Removal} removal
 * @returns {Progress}
 */
export function progressOf({
  id,
  key,
  name,
  startedAt,
  endedAt,
  acknowledged,
  owing,
  acknowledgedCount,
  owingCount,
  expiredCount = 0,
}) {
  const listed = acknowledged.length + owing.length
  return {
    id,
    key,
    ...(name !== undefined && { name }),
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    tiles: [...tilesOf(owing, 'owes'), ...tilesOf(acknowledged, 'done')],
    acknowledged: acknowledgedCount,
    owing: owingCount,
    unlisted: Math.max(0, acknowledgedCount + owingCount - listed),
    ...(expiredCount > 0 && { note: LEASE_RAN_OUT }),
  }
}

/**
 * The outcome of a call, where no events tell how far the removal is.
 * @param {import('./documents.js').RemovalAnswer} answer
 * @param {string} key
 * @param {(peer: string) => string} nameOf
 * @returns {Progress}
 */
export function progressOfAnswer(answer, key, nameOf) {
  const { acknowledged, owed, expired, name } = answer
  return {
    id: `answer-${answer.seq}`,
    key: answer.key ?? key,
    ...(name !== undefined && { name }),
    tiles: [
      ...tilesOf(owed.map(nameOf), 'owes'),
      ...tilesOf(expired.map(nameOf), 'expired'),
      ...tilesOf(acknowledged.map(nameOf), 'done'),
    ],
    acknowledged: acknowledged.length,
    owing: owed.length,
    unlisted: 0,
    note: noteOf(answer),
  }
}

/**
 * @param {readonly string[]} names
 * @param {Tile['state']} state
 * @returns {Tile[]}
 */
const tilesOf = (names, state) => names.map((name) => ({ name, state }))

/** @param {import('./documents.js').RemovalAnswer} answer */
function noteOf({ key, tree, expired }) {
  if (key === undefined)
    return 'The name is unbound; its value stays: it has other names, or was put without one.'
  if (tree !== undefined && !tree.complete) {
    return `${tree.removed} of at most ${tree.most} values of the directory are removed; the rest follows.`
  }
  return expired.length === 0 ? '' : LEASE_RAN_OUT
}

/**
 * What is read aloud of a removal.
 * @param {Progress} progress
 */
export const spokenOf = ({ name, key, acknowledged, owing, isAsking }) => {
  const what = name ?? key
  if (isAsking === true) return `${what}: waiting for the machines`
  const all = acknowledged + owing
  if (all === 0) return `${what}: no machine has to acknowledge`
  return owing === 0
    ? `${what}: every machine has acknowledged`
    : `${what}: ${acknowledged} of ${all} machines have acknowledged`
}
