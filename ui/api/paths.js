/**
 * Paths of calls, from keys and names.
 * @module
 */

/**
 * A text as one part of a path. A browser takes `.` and `..` away, however they are encoded, and
 * would call something else.
 * @param {string} text
 */
export function partOf(text) {
  if (text !== '.' && text !== '..') return encodeURIComponent(text)
  throw new Error(`a browser cannot ask for ${text} by name: use its key, or the command line`)
}

/** @param {string} word */
export const valuePath = (word) => `/v1/values/${partOf(word)}`

/** @param {string} word */
export const factsPath = (word) => `${valuePath(word)}/facts`

/** @param {string} name */
export const namePath = (name) => `/v1/names/${partOf(name)}`

/**
 * A path in a directory: the names below the word, each encoded by itself.
 * @param {string} word
 * @param {readonly string[]} [below]
 */
export const treePath = (word, below = []) => `/v1/trees/${[word, ...below].map(partOf).join('/')}`

/**
 * A path with a query, out of the parameters that are given.
 * @param {string} path
 * @param {Readonly<Record<string, string | number | undefined>>} parameters
 */
export function withQuery(path, parameters) {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

/**
 * The key that a text spells: a CID in one of its usual spellings, or the hexadecimal digits of a
 * digest. Undefined for any other text, which may be a name.
 * @param {string} text
 * @returns {string | undefined}
 */
export function keyIn(text) {
  if (
    /^(baf[ky]r4i[a-h][a-z2-7]{51}|f01(55|71)1e20[0-9a-f]{64}|z[1-9A-HJ-NP-Za-km-z]{48,50})$/.test(
      text,
    )
  ) {
    return text
  }
  // The digest alone: as a CID of bytes, in base 16.
  return /^[0-9a-f]{64}$/i.test(text) ? `f01551e20${text.toLowerCase()}` : undefined
}
