/**
 * Uploads of files and folders. Files are sent as they are read from the disk.
 * @module
 */
import { JsonLinesParser } from '../core/event-stream.js'
import { batchesOf } from '../core/folders.js'
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
  return JSON.parse(await send('PUT', path, { files: [file], ...watch }))
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
    /** @type {({ path: string, key?: string | undefined })[]} */
    const entries = emptyFolders.map((path) => ({ path: `${path}/` }))
    const moving = new Map()
    let done = 0
    const tell = () => onProgress(done + [...moving.values()].reduce((sum, one) => sum + one, 0))
    const rest = batchesOf(files).values()
    const stopping = new AbortController()
    const either = AbortSignal.any([signal, stopping.signal])
    const putRest = async () => {
      for (const batch of rest) {
        either.throwIfAborted()
        const onBatch = (/** @type {number} */ bytes) => {
          moving.set(batch, bytes)
          tell()
        }
        const keys = await putHeld(
          batch.map(({ file }) => file),
          hold,
          { onProgress: onBatch, signal: either },
        )
        moving.delete(batch)
        for (const [index, { path, file }] of batch.entries()) {
          done += file.size
          entries.push({ path, key: keys[index] })
        }
        tell()
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

/**
 * Puts files under a hold, several as one batch.
 * @param {readonly File[]} files
 * @param {string} hold
 * @param {Watch} watch
 * @returns {Promise<string[]>} Their keys.
 */
async function putHeld(files, hold, watch) {
  if (files.length === 1) {
    const text = await send('PUT', withQuery('/v1/values', { hold }), { files, ...watch })
    return [JSON.parse(text).key]
  }
  const headers = { 'Dstore-Sizes': files.map(({ size }) => size).join() }
  /** @type {string} */
  const text = await send('POST', withQuery('/v1/batch', { hold }), { files, headers, ...watch })
  const lines = /** @type {PutAnswer[]} */ (new JsonLinesParser().push(text))
  if (lines.length !== files.length) throw new Error('the answer to a batch has other values')
  return lines.map(({ key }) => key)
}
