/**
 * Addresses within the page.
 * @module
 */

/**
 * Shows what this address leads to; anew, if it is shown already.
 * @param {string} address
 */
export function goTo(address) {
  if (location.hash === address) dispatchEvent(new HashChangeEvent('hashchange'))
  else location.hash = address
}
