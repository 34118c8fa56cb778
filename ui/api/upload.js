/**
 * Uploads of files and folders. Files are sent as they are read from the disk.
 * @module
 */
import { ask, call } from './client.js'
import { withQuery } from './paths.js'
import { send } from './send.js'
import { SIDE_BY_SIDE } from './turns.js'

/**
 * @typedef {import('../core/documents.js').PutAnswer} PutAnswer
 *
 * @typedef {object} Naming
 * @property {string} name Empty: without a name.
 * @property {boolean} isTag
 * @property {number | undefined} expiresMs
 *
 * @typedef {object} Watch
 * @property {(bytes: number) => void} onProgress Bytes that were sent so far.
 * @property {AbortSignal} signal
 */

/** @param {Naming} naming */
const parametersOf = ({ name, isTag, expiresMs }) =>
  name === '' ? {} : { name, tag: isTag ? '1' : undefined, expires: expiresMs }

/**
 * @param {File} file
 * @param {Naming} naming
 * @param {Watch} watch
 * @returns {Promise<PutAnswer>}
 */
export async function putFile(file, naming, watch) {
  const path = withQuery('/v1/values', parametersOf(naming))
  return JSON.parse(await send('PUT', path, { body: file, ...watch }))
}

/**
 * Puts the files of a folder under a hold, then its directories, in one change. Whatever ends it
 * before, nothing stays.
 * @param {import('../core/folders.js').Folder} folder
 * @param {Naming} naming
 * @param {Watch} watch
 * @returns {Promise<PutAnswer>}
 */
export async function putFolder({ files, emptyFolders }, naming, { onProgress, signal }) {
  /** @type {{ hold: string }} */
  const { hold } = await ask('POST', '/v1/holds', { signal })
  try {
    /** @type {({ path: string, key?: string })[]} */
    const entries = emptyFolders.map((path) => ({ path: `${path}/` }))
    const moving = new Map()
    let done = 0
    const tell = () => onProgress(done + [...moving.values()].reduce((sum, one) => sum + one, 0))
    const rest = files.values()
    const stopping = new AbortController()
    const either = AbortSignal.any([signal, stopping.signal])
    const putRest = async () => {
      for (const { path, file } of rest) {
        either.throwIfAborted()
        const onFile = (/** @type {number} */ bytes) => {
          moving.set(path, bytes)
          tell()
        }
        const text = await send('PUT', withQuery('/v1/values', { hold }), {
          body: file,
          onProgress: onFile,
          signal: either,
        })
        moving.delete(path)
        done += file.size
        tell()
        entries.push({ path, key: JSON.parse(text).key })
      }
    }
    try {
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, putRest))
    } catch (error) {
      stopping.abort()
      throw error
    }
    const path = withQuery('/v1/trees', { hold, ...parametersOf(naming) })
    return await ask('POST', path, { json: { entries }, signal })
  } catch (error) {
    await call('DELETE', `/v1/holds/${hold}`).catch(() => undefined)
    throw error
  }
}
