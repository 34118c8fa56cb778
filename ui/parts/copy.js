/**
 * Text that is copied with a click, and long keys by their ends.
 * @module
 */
import { shorten } from '../core/format.js'
import { button, h, icon } from './dom.js'
import { complain, say } from './notices.js'

/**
 * @param {string} text
 * @param {string} what
 * @returns {Promise<void>}
 */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text)
    say(`Copied ${what}`)
  } catch {
    complain(new Error('the browser does not let the page copy: select the text instead'))
  }
}

/**
 * @param {string} text
 * @param {string} what Of the notice, such as `the key`.
 * @param {string} [label]
 * @returns {HTMLButtonElement}
 */
export const copyButton = (text, what, label = '') =>
  button(label, () => void copy(text, what), {
    icon: 'copy',
    kind: 'quiet',
    label: `Copy ${what}`,
    title: `Copy ${what}`,
  })

/**
 * A key by its ends, with the whole in its title, and a button that copies it.
 * @param {string} key
 * @returns {HTMLElement}
 */
export const keyText = (key) =>
  h('span', { class: 'key' }, h('code', { title: key }, shorten(key)), copyButton(key, 'the key'))

/**
 * A command or a secret, whole, to be copied.
 * @param {string} text
 * @param {string} what
 * @returns {HTMLElement}
 */
export const copyBlock = (text, what) =>
  h('div', { class: 'copy-block' }, h('code', { tabindex: 0 }, text), copyButton(text, what))

/**
 * A name of a member or a peer id by its ends.
 * @param {string} name
 * @returns {HTMLElement}
 */
export const peerText = (name) =>
  h('span', { title: name }, name.startsWith('12D3KooW') ? shorten(name, 8, 5) : name)

/**
 * A link with a sign.
 * @param {string} href
 * @param {string} text
 * @param {string} [sign]
 * @returns {HTMLAnchorElement}
 */
export const link = (href, text, sign) =>
  h('a', { href }, sign !== undefined && icon(sign), h('span', null, text))
