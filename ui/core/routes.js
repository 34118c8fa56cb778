/**
 * Addresses within the page: `#/VIEW/...`, with a query behind `?`. Names of values may have any
 * character, so each is one percent-encoded part.
 * @module
 */

/**
 * @typedef {object} Route
 * @property {string} view
 * @property {readonly string[]} parts
 * @property {Readonly<Record<string, string>>} query
 */

/** The views, in the order of the navigation. */
export const VIEWS = Object.freeze([
  'overview',
  'machines',
  'values',
  'changes',
  'transfers',
  'removal',
  'access',
])

/**
 * The route in a fragment; undefined for any other text.
 * @param {string} hash
 * @returns {Route | undefined}
 */
export function parseRoute(hash) {
  const [path = '', query = ''] = splitOnce(hash.replace(/^#/, ''), '?')
  const [root, view, ...parts] = path.split('/').map(decoded)
  if (root !== '' || view === undefined || !VIEWS.includes(view)) return undefined
  if (parts.some((part) => part === undefined)) return undefined
  /** @type {Record<string, string>} */
  const pairs = {}
  for (const pair of query.split('&').filter((one) => one !== '')) {
    const [name, value] = splitOnce(pair, '=').map(decoded)
    if (name !== undefined && value !== undefined) pairs[name] = value
  }
  const given = /** @type {string[]} */ (parts).filter((part) => part !== '')
  return { view, parts: given, query: pairs }
}

/**
 * The fragment of a route. Parts of the query that are empty are left out.
 * @param {string} view
 * @param {readonly string[]} [parts]
 * @param {Readonly<Record<string, string | undefined>>} [query]
 * @returns {string}
 */
export function formatRoute(view, parts = [], query = {}) {
  const path = ['', view, ...parts].map(encodeURIComponent).join('/')
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value ?? '')}`)
  return `#${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
}

/**
 * The page of a list that a query names: any text but a short number means the first one.
 * @param {Readonly<Record<string, string>>} query
 * @returns {number}
 */
export const pageOf = ({ page = '' }) => (/^\d{1,6}$/.test(page) ? Number(page) : 0)

/**
 * @param {string} text
 * @param {string} mark
 * @returns {string[]}
 */
function splitOnce(text, mark) {
  const at = text.indexOf(mark)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/**
 * @param {string} text
 * @returns {string | undefined}
 */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * The levels that lead to a prefix: of `a/b/` the prefixes `a/` and `a/b/`, each with its label.
 * @param {string} prefix
 * @returns {{ label: string, prefix: string }[]}
 */
export function levelsOf(prefix) {
  /** @type {{ label: string, prefix: string }[]} */
  const levels = []
  for (let at = prefix.indexOf('/'); at !== -1; at = prefix.indexOf('/', at + 1)) {
    const before = levels.at(-1)?.prefix.length ?? 0
    levels.push({ label: prefix.slice(before, at + 1), prefix: prefix.slice(0, at + 1) })
  }
  return levels
}
