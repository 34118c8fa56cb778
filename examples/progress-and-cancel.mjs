/** Follows the progress of a call, and cancels one. */
import { createNode, DstoreError } from '@dstore/dstore'

/** Four pieces of 1 MiB, one every few milliseconds, like a download. */
async function* pieces() {
  for (let piece = 0; piece < 4; piece++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    yield new Uint8Array(1 << 20).fill(piece)
  }
}

const dstore = await createNode()

/** @param {import('@dstore/dstore').Progress} progress */
const show = ({ phase, doneBytes, totalBytes }) =>
  console.log(phase, doneBytes, 'of', totalBytes ?? 'unknown')
const { key } = await dstore.put(pieces(), { onProgress: show })
console.log('stored', key.toHex().slice(0, 8))

// `AbortSignal.timeout` bounds the whole call; `timeoutMs` bounds only time without progress.
const enough = new AbortController()
/** @param {import('@dstore/dstore').Progress} progress */
const stop = ({ doneBytes }) => {
  if (doneBytes >= 2 << 20) enough.abort()
}
try {
  await dstore.put(pieces(), { signal: enough.signal, onProgress: stop, name: 'never/bound' })
} catch (error) {
  if (!(error instanceof DstoreError)) throw error
  console.log(error.code, await dstore.has('never/bound'))
}
await dstore.close()

/* prints
store 1048576 of unknown
store 2097152 of unknown
store 3145728 of unknown
store 4194304 of unknown
stored 0bf0cbfc
cancelled false
*/
