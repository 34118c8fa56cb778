/**
 * Downloads. A link cannot carry the session's token, so the page fetches the bytes: to the file
 * that the person chose, where the browser can do that, else through the browser's own store of blobs.
 * @module
 */
import { call } from './client.js'
import { send } from './send.js'
import { inTurn } from './turns.js'

/** Bytes that go through a blob at most: the browser holds it until it is saved. */
export const BLOB_BYTES = 512 * 1024 * 1024
/** How long a blob stays for the browser to save it. */
const SAVE_MS = 60_000

/** Whether the browser writes a download straight to a file. */
export const canStream = () => 'showSaveFilePicker' in window

/**
 * Asks where to, then downloads. Undefined if the person chose no file.
 * @param {string} path
 * @param {string} name
 * @param {number} size
 * @returns {Promise<((watch: import('./upload.js').Watch) => Promise<void>) | undefined>}
 */
export async function chooseDownload(path, name, size) {
  if (canStream()) {
    try {
      const handle = await /** @type {any} */ (window).showSaveFilePicker({ suggestedName: name })
      return (watch) => inTurn(watch.signal, () => toFile(path, handle, watch))
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return undefined
      throw error
    }
  }
  if (size > BLOB_BYTES) {
    throw new Error('this browser cannot write so large a file as it comes: use `dstore get`')
  }
  return (watch) => throughBlob(path, name, watch)
}

/**
 * Writes to the file what comes, no faster than the disk takes it. A download that fails leaves the
 * file as it was.
 * @param {string} path
 * @param {any} handle
 * @param {import('./upload.js').Watch} watch
 */
async function toFile(path, handle, { onProgress, signal }) {
  const response = await call('GET', path, { signal })
  let done = 0
  const counted = new TransformStream({
    transform(piece, controller) {
      done += piece.byteLength
      onProgress(done)
      controller.enqueue(piece)
    },
  })
  const file = await handle.createWritable()
  await response.body?.pipeThrough(counted).pipeTo(file, { signal })
}

/**
 * @param {string} path
 * @param {string} name
 * @param {import('./upload.js').Watch} watch
 */
async function throughBlob(path, name, watch) {
  /** @type {Blob} */
  const bytes = await send('GET', path, { answer: 'blob', ...watch })
  const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), SAVE_MS)
}
