/** POST /v1/trees: the ways in which a tree is put (specs/007, R007-218, R007-224, R007-225). */
import { DstoreError } from '../../../errors.ts'
import { parseKey } from '../../../hash/key.ts'
import { checkNewName } from '../../../index/name.ts'
import { HTTP_BATCH_BYTES, HTTP_JSON_BYTES } from '../../../limits.ts'
import { share } from '../../../node/calls/byte-budget.ts'
import { commitEntries, type TreeEntry } from '../../../tree/build/commit-entries.ts'
import { stateDirectory } from '../../config/state-directory.ts'
import { checkOwnFiles, pathIn } from '../../delivery/own-files.ts'
import { budgets } from '../batch-handlers.ts'
import { callOptions, readJson, refuseOthers, withBeatIfWanted, type HttpCall } from '../call.ts'
import { sendEvents } from '../json-lines.ts'
import { commitRoot, keeperIn, sendTree } from './hold-handlers.ts'

type Document = Readonly<Record<string, unknown>>

/**
 * POST /v1/trees {"key"}, with `?hold=`: commits a tree whose directories are made. {"entries"}:
 * makes directories of values that are stored, or were put under `?hold=` (R013-16). {"path",
 * "follow"}: the daemon reads a folder.
 */
export async function putTree(call: HttpCall): Promise<void> {
  const options = callOptions(call)
  const { 'content-length': length = '0' } = call.request.headers
  // A short document needs no share of the memory for long ones.
  const isLong = Number(length) > HTTP_JSON_BYTES
  const bytes = Math.min(Number(length), HTTP_BATCH_BYTES)
  const giveBack = isLong ? await share(bytes, budgets.forCall(options)) : () => undefined
  try {
    const request = await readJson(call, isLong ? HTTP_BATCH_BYTES : HTTP_JSON_BYTES)
    if ('entries' in request) await putEntries(call, request)
    else if ('path' in request) await putFolder(call, request)
    else await commitRoot(call, request)
  } finally {
    giveBack()
  }
}

async function putEntries(call: HttpCall, { entries, ...others }: Document): Promise<void> {
  // A hold or a name that is given here, and not in the query, would not keep the tree.
  refuseOthers(others)
  if (!Array.isArray(entries)) throw new DstoreError('usage', 'entries must be a list')
  const list = entries.map(entryIn)
  // A value that such a token sent under its hold is in sight for this request (R007-334).
  const onPresent = call.reach
  const options = { ...callOptions(call), ...keeperIn(call), onPresent }
  const { index } = call.node
  const node = {
    index,
    trees: call.node.trees,
    put: call.node.put.bind(call.node),
    putMany: call.node.putMany.bind(call.node),
  }
  sendTree(call, await withBeatIfWanted(call, () => commitEntries(node, list, options)))
}

/** Refused where files are (R007-19): the daemon may read folders that others may not. */
async function putFolder(call: HttpCall, request: Document): Promise<void> {
  const { hold, name, naming } = keeperIn(call)
  checkOwnFiles(call, 'make the tree of values: POST /v1/trees {"entries"}')
  const path = pathIn(request)
  const { follow = false, path: _, ...others } = request
  refuseOthers(others)
  if (hold !== undefined) throw new DstoreError('usage', 'a folder that is read has its own hold')
  if (typeof follow !== 'boolean') throw new DstoreError('usage', 'follow must be true or false')
  if (name !== undefined) checkNewName(name)
  const { node, directory } = call
  await sendEvents(call, async (onProgress) => {
    const { putTree: put } = await import('../../../tree/put/put-tree.ts')
    const { sent: _, ...stored } = await put(node, path, {
      ...callOptions(call),
      follow,
      name,
      naming,
      cacheFolder: stateDirectory(directory).statCache,
      onTreeProgress: ({ phase, doneBytes, totalBytes }) =>
        onProgress({ phase: phase === 'scan' ? 'hash' : phase, doneBytes, totalBytes }),
    })
    return stored
  })
}

function entryIn(given: unknown): TreeEntry {
  if (typeof given === 'object' && given !== null) {
    const { path, key, exec = false, to, ...others } = given as Document
    const isAlone = Object.keys(others).length === 0
    if (typeof path === 'string' && isAlone) {
      if (typeof key === 'string' && to === undefined && typeof exec === 'boolean') {
        return { path, key: parseKey(key), executable: exec }
      }
      if (key === undefined && !exec) {
        if (typeof to === 'string') return { path, target: to }
        if (to === undefined && path.endsWith('/')) return { path }
      }
    }
  }
  throw new DstoreError('usage', `not an entry of a tree: ${JSON.stringify(given).slice(0, 200)}`, {
    hint: 'write {"path", "key"}, {"path", "key", "exec": true}, {"path", "to"} for a link, or {"path": "empty/"}',
  })
}
