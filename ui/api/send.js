/**
 * Sends and receives bodies with progress: what `fetch` cannot tell of a body that it sends.
 * @module
 */
import { authorization, problemOf, unreachable } from './client.js'
import { inTurn } from './turns.js'

/**
 * Why a call had no answer. The browser does not send a file that is another than the one that was
 * chosen, and says no more of that than of a lost connection.
 * @param {readonly File[]} files
 * @returns {Promise<Error>}
 */
async function faultOf(files) {
  for (const file of files) {
    try {
      // A part of an empty file is read without a look at the file.
      await (file.size === 0 ? file : file.slice(0, 1)).arrayBuffer()
    } catch {
      return new Error(`${file.name} has changed since it was chosen, or cannot be read`)
    }
  }
  return unreachable()
}

/**
 * Makes a call, and tells how many bytes of its body have moved.
 * @param {string} method
 * @param {string} path
 * @param {object} options
 * @param {readonly File[]} [options.files] The body: one file, or several of which none is empty.
 * @param {Readonly<Record<string, string>>} [options.headers]
 * @param {'text' | 'blob'} [options.answer]
 * @param {(bytes: number) => void} options.onProgress
 * @param {AbortSignal} options.signal
 * @returns {Promise<any>} The text of the answer, or its bytes.
 */
export const send = (method, path, options) =>
  inTurn(options.signal, () => sendNow(method, path, options))

/** @type {typeof send} */
function sendNow(method, path, { files = [], headers, answer = 'text', onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const body = files.length > 1 ? new Blob([...files]) : files[0]
    const request = new XMLHttpRequest()
    request.open(method, path)
    request.responseType = answer
    for (const [name, value] of Object.entries({ ...authorization(), ...headers })) {
      request.setRequestHeader(name, value)
    }
    if (body !== undefined) request.setRequestHeader('Content-Type', 'application/octet-stream')
    const abort = () => request.abort()
    const moving = body === undefined ? request : request.upload
    moving.addEventListener('progress', ({ loaded }) => onProgress(loaded))
    request.addEventListener('loadend', () => signal.removeEventListener('abort', abort))
    request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')))
    request.addEventListener('error', () => void faultOf(files).then(reject))
    request.addEventListener('load', () => {
      const { status, response } = request
      if (status >= 200 && status < 300) resolve(response)
      else if (answer === 'text') reject(problemOf(status, response))
      else {
        const text = /** @type {Blob} */ (response).text()
        text.then((words) => reject(problemOf(status, words)), reject)
      }
    })
    signal.addEventListener('abort', abort)
    if (signal.aborted) reject(new DOMException('cancelled', 'AbortError'))
    else request.send(body ?? null)
  })
}
