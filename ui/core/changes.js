/**
 * The newest changes, and what is shown of them.
 * @module
 */

/** Changes that are kept. */
export const MOST_CHANGES = 500

/** @typedef {import('./documents.js').Change} Change */

/**
 * @typedef {object} Kept
 * @property {number} id
 * @property {number} at When the page heard of it.
 * @property {Change} change
 */

/** Keeps the newest changes, in a ring: one more costs the same, however many there are. */
export class ChangeLog {
  /** @type {Kept[]} */
  #ring = []
  #next = 0
  #seen = 0

  /** How many there were. */
  get seen() {
    return this.#seen
  }

  /**
   * @param {Change} change
   * @param {number} at
   */
  add(change, at) {
    this.#ring[this.#next] = { id: this.#seen++, at, change }
    this.#next = (this.#next + 1) % MOST_CHANGES
  }

  clear() {
    this.#ring = []
    this.#next = 0
  }

  /**
   * The newest that pass a filter, at most this many, the newest first.
   * @param {number} most
   * @param {(change: Change) => boolean} isWanted
   * @returns {Kept[]}
   */
  newest(most, isWanted) {
    /** @type {Kept[]} */
    const found = []
    for (let back = 1; back <= this.#ring.length && found.length < most; back++) {
      const kept = this.#ring[(this.#next - back + MOST_CHANGES) % MOST_CHANGES]
      if (kept !== undefined && isWanted(kept.change)) found.push(kept)
    }
    return found
  }
}

/** The types of changes that a person chooses between. */
export const GROUPS = Object.freeze({
  puts: ['put'],
  names: ['bind', 'rebind', 'unbind'],
  removals: ['remove', 'lost'],
  members: ['invite', 'admit', 'expel'],
  runs: ['run-started'],
})

/**
 * A filter by groups of types and by text, in names and keys.
 * @param {ReadonlySet<string>} groups
 * @param {string} text
 * @returns {(change: Change) => boolean}
 */
export function filterOf(groups, text) {
  const types = new Set(
    Object.entries(GROUPS)
      .filter(([group]) => groups.has(group))
      .flatMap(([, members]) => members),
  )
  const known = new Set(Object.values(GROUPS).flat())
  return ({ type, names, key = '', peer = '' }) => {
    // A type of a later version is shown.
    if (known.has(type) && !types.has(type)) return false
    if (text === '') return true
    return key.includes(text) || peer.includes(text) || names.some((name) => name.includes(text))
  }
}

/** @type {Readonly<Record<string, string>>} */
const WHY = {
  expired: 'it had expired',
  rule: 'by a rule',
  moved: 'the tag had moved',
  removed: 'its value was removed',
}

/**
 * Why a name or a key went.
 * @param {string | undefined} why
 */
export const whyText = (why) => (why === undefined ? '' : (WHY[why] ?? why))
