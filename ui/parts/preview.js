/**
 * A look at the beginning of a value.
 * @module
 */
import { call } from '../api/client.js'
import { formatSize } from '../core/format.js'
import {
  PREVIEW_BYTES,
  SHOWN_CHARACTERS,
  hexOf,
  pictureType,
  prettyJson,
  textOf,
} from '../core/preview.js'
import { button, fill, h } from './dom.js'
import { fillProblem } from './notices.js'

/**
 * A button that becomes the preview of the value at a path.
 * @param {string} path
 * @param {number} size
 * @param {string} name
 */
export function createPreview(path, size, name) {
  const element = h('div', { class: 'preview' })
  const reading = new AbortController()
  /** @type {string | undefined} */
  let url
  const free = () => {
    if (url !== undefined) URL.revokeObjectURL(url)
    url = undefined
  }

  const show = async () => {
    const { signal } = reading
    fill(element, h('p', { class: 'muted' }, 'Reading…'))
    try {
      /** @type {Record<string, string>} */
      const headers = size > PREVIEW_BYTES ? { Range: `bytes=0-${PREVIEW_BYTES - 1}` } : {}
      const response = await call('GET', path, { headers, signal })
      const bytes = await bounded(response)
      const isWhole = bytes.byteLength === size
      const type = pictureType(bytes)
      if (type !== undefined && isWhole) {
        free()
        url = URL.createObjectURL(new Blob([bytes], { type }))
        const image = h('img', { src: url, alt: `Preview of ${name}` })
        image.addEventListener('error', () => fill(element, ...asBytes(bytes, size)))
        fill(element, image)
        return
      }
      const text = textOf(bytes, isWhole)
      fill(element, ...(text === undefined ? asBytes(bytes, size) : asText(text, isWhole, size)))
    } catch (error) {
      fillProblem(element, error)
    }
  }
  const open = button('Preview', () => void show())
  fill(element, open)
  return {
    element,
    close() {
      reading.abort()
      free()
    },
  }
}

/**
 * The bytes of a response, and never more than a preview has.
 * @param {Response} response
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function bounded(response) {
  const bytes = new Uint8Array(PREVIEW_BYTES)
  let length = 0
  if (response.body === null) return bytes.subarray(0, 0)
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    // More than was asked for is not read on.
    if (length === PREVIEW_BYTES) {
      void reader.cancel().catch(() => undefined)
      break
    }
    const part = value.subarray(0, PREVIEW_BYTES - length)
    bytes.set(part, length)
    length += part.byteLength
  }
  return bytes.subarray(0, length)
}

/**
 * @param {string} text
 * @param {boolean} isWhole
 * @param {number} size
 * @returns {Node[]}
 */
function asText(text, isWhole, size) {
  const shown = (isWhole && prettyJson(text)) || text
  const block = h('pre', { tabindex: 0, 'aria-label': 'Preview' })
  let at = 0
  const more = button('Show more', () => append(), { kind: 'quiet' })
  const append = () => {
    block.append(shown.slice(at, at + SHOWN_CHARACTERS))
    at += SHOWN_CHARACTERS
    more.hidden = at >= shown.length
  }
  append()
  const words = `The first ${formatSize(PREVIEW_BYTES)} of ${formatSize(size)}.`
  return [block, more, ...(isWhole ? [] : [h('p', { class: 'hint' }, words)])]
}

/**
 * @param {Uint8Array} bytes
 * @param {number} size
 * @returns {Node[]}
 */
function asBytes(bytes, size) {
  const block = h('pre', { class: 'hex', tabindex: 0, 'aria-label': 'The first bytes' })
  block.append(hexOf(bytes))
  return [
    block,
    h(
      'p',
      { class: 'hint' },
      `The beginning of ${formatSize(size)}: neither text nor a picture of at most ${formatSize(PREVIEW_BYTES)}.`,
    ),
  ]
}
