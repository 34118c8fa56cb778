/** Handler for files of values that other processes of the machine open (specs/007, "Paths"). */
import { DstoreError } from '../../../errors.ts'
import { HTTP_CONNECTIONS } from '../../../limits.ts'
import type { Key } from '../../../hash/key.ts'
import type { HeldPath, NodePaths, PathOptions } from '../../../node/node.ts'
import { Listings } from '../../../tree/read/listings.ts'
import { keyOf, valueAt } from '../../../tree/read/entry-at.ts'
import { resolveTreeWord, splitPath } from '../../../tree/read/tree-word.ts'
import { withTreeWord } from '../../../tree/read/with-tree-word.ts'
import type { PathAnswer } from '../../api/api.ts'
import { problemOf } from '../../api/problem.ts'
import { callOptions, readJson, type HttpCall } from '../call.ts'
import { sendEvents } from '../json-lines.ts'
import { keepFor, PATH_HOLD_MS } from './timed-holds.ts'

interface Wanted {
  readonly path: string
  readonly executable: boolean
  readonly holdMs: number | undefined
}

/** Connections that may hold files at a time: the others are for calls that end. */
const HOLDING_CONNECTIONS = HTTP_CONNECTIONS / 2

/** How many hold files now, by node. */
const holding = new WeakMap<object, number>()

/**
 * POST /v1/values/{key}/path {"path", "executable", "holdMs"}: events; the result names a file, or
 * a folder. It stays while the connection is open, or for `holdMs` after the answer (R007-351).
 */
export async function openPath(call: HttpCall): Promise<void> {
  const request = await readJson(call)
  const { path = '', executable = false, holdMs } = request
  if (typeof path !== 'string') throw new DstoreError('usage', 'path must be a string')
  if (typeof executable !== 'boolean') {
    throw new DstoreError('usage', 'executable must be true or false')
  }
  checkHold(holdMs)
  const paths = pathsOf(call)
  const done = holdMs === undefined ? takeConnection(call.node) : undefined
  try {
    await answer(call, paths, { path, executable, holdMs })
  } finally {
    done?.()
  }
}

async function answer(
  call: HttpCall,
  paths: NodePaths,
  { path, executable, holdMs }: Wanted,
): Promise<void> {
  let held: HeldPath | undefined
  await sendEvents(
    call,
    async (onProgress) => {
      held = await openWord(call, paths, path, { ...callOptions(call), executable, onProgress })
      if (holdMs !== undefined) keepFor(call.node, held, holdMs)
      return answerOf(held)
    },
    async () => (holdMs === undefined && held !== undefined ? untilOver(call, held) : undefined),
  )
}

/** Call the result once the connection holds no file any more. Throws `busy`. */
function takeConnection(node: object): () => void {
  const count = holding.get(node) ?? 0
  if (count >= HOLDING_CONNECTIONS) {
    throw new DstoreError('busy', `${count} connections hold files`, {
      hint: 'close some of them, or hold files for a time (`holdMs`)',
    })
  }
  holding.set(node, count + 1)
  return () => holding.set(node, holding.get(node)! - 1)
}

function checkHold(holdMs: unknown): asserts holdMs is number | undefined {
  if (holdMs === undefined) return
  const isNumber = Number.isSafeInteger(holdMs) && (holdMs as number) >= 0
  if (isNumber && (holdMs as number) <= PATH_HOLD_MS) return
  throw new DstoreError('usage', `holdMs must be 0 to ${PATH_HOLD_MS} milliseconds`)
}

function pathsOf({ access, node }: HttpCall): NodePaths {
  if (!access.usesFiles) {
    throw new DstoreError('not-permitted', 'a path means nothing on another machine', {
      hint: 'get the bytes from /v1/values, or use the socket of the daemon',
    })
  }
  if (node.paths !== undefined) return node.paths
  throw new DstoreError('unsupported', 'this node keeps no values in files', {
    hint: 'start it with --cache-dir DIR; `dstore status` says why it has none',
  })
}

/** What the word and the path behind it lead to. An executable entry needs a copy. */
async function openWord(
  call: HttpCall,
  paths: NodePaths,
  path: string,
  { executable = false, ...options }: PathOptions,
): Promise<HeldPath> {
  const { node } = call
  const found = await resolveTreeWord(node, call.parameters['key'] ?? '', options)
  const word = path === '' ? found : { ...found, path: [...found.path, ...splitPath(path)] }
  return withTreeWord(node, word, options, async (at) => {
    const listings = new Listings(node, options)
    const entry = at.path.length === 0 ? undefined : await valueAt(listings, at)
    const key: Key = entry === undefined ? at.key : keyOf(entry)
    const isExecutable = executable || (entry?.type === 'file' && entry.executable)
    return paths.openPath(key, { ...options, executable: isExecutable })
  })
}

function answerOf({ key, kind, size, path, device, inode }: HeldPath): PathAnswer {
  const identity = { device: String(device), inode: String(inode) }
  return { path, ...identity, size, key: key.toString(), kind }
}

/** Waits while the file is held; resolves to an event that says why it is held no longer. */
async function untilOver(
  { signal, stopping }: HttpCall,
  held: HeldPath,
): Promise<object | undefined> {
  const { removed } = held
  const over = AbortSignal.any([signal, stopping, removed])
  if (!over.aborted) {
    await new Promise<void>((resolve) => {
      over.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  await held.release()
  if (signal.aborted) return undefined
  return { event: removed.aborted ? 'removed' : 'failed', problem: problemOf(over.reason) }
}
