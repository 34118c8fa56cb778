/**
 * Runs before all else: takes the one-time code out of the address, so that neither history nor a
 * referrer ever holds it, and applies the theme that was chosen.
 * @module
 */

/** @type {string | undefined} */
let code

const match = /^#code=([^&]*)/.exec(location.hash)
if (match !== null) {
  history.replaceState(null, '', location.pathname)
  // No code has anything to decode: whatever else stands there is refused as a wrong one.
  code = match[1]
}

/**
 * The code of the address, once.
 * @returns {string | undefined}
 */
export function takeCode() {
  const taken = code
  code = undefined
  return taken
}

const THEME = 'dstore-theme'

/** @typedef {'system' | 'light' | 'dark'} Theme */

/** @returns {Theme} */
export function theme() {
  try {
    const kept = localStorage.getItem(THEME)
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  try {
    if (chosen === 'system') localStorage.removeItem(THEME)
    else localStorage.setItem(THEME, chosen)
  } catch {
    // A browser that keeps nothing shows the theme until the page is left.
  }
  showTheme(chosen)
}

/** @param {Theme} chosen */
function showTheme(chosen) {
  if (chosen === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = chosen
}

showTheme(theme())
