/** `dstore gocache`: a cache program of the go command (specs/010-doors.md, "Rules: Go"). */
import { isatty } from 'node:tty'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Client } from '../../../src/daemon/client/client.ts'
import { parseSize } from '../../../src/daemon/config/quantities.ts'
import { asDstoreError, DstoreError } from '../../../src/errors.ts'
import { GOCACHE_FOLDER_BYTES } from '../../../src/limits.ts'
import { PLATFORM } from '../../../src/platform.ts'
import type { Invocation } from '../../command.ts'
import { GoFolder } from '../../gocache/folder.ts'
import { GoCache } from '../../gocache/go-cache.ts'
import { GoStore } from '../../gocache/go-store.ts'
import { HeldFiles } from '../../gocache/held-files.ts'
import { Notes } from '../../gocache/notes.ts'
import { outputsFolder } from '../../gocache/place.ts'
import { encodeResponse, greeting, RequestReader } from '../../gocache/protocol.ts'
import { trim } from '../../gocache/trim.ts'
import { Uploads } from '../../gocache/uploads.ts'
import { standardInput } from '../../input/input.ts'
import { clientOptions, findDaemon, place } from '../../session.ts'
import type { Terminal } from '../../terminal/terminal.ts'

/** A build waits no longer than this for a call that makes no progress, unless a flag says so. */
const TIMEOUT = '10s'

/** Uploads that take longer than this at the end are announced. */
const QUIET_MS = 2_000

export async function gocache(invocation: Invocation): Promise<number> {
  const { flags, signal, terminal } = invocation
  if (isatty(0)) {
    throw new DstoreError('usage', 'gocache is for the go command, which starts it', {
      hint: 'write: GOCACHEPROG="dstore gocache" go build ./...',
    })
  }
  const input = standardInput()
  const maxBytes = parseSize(flags['max-size'] ?? `${GOCACHE_FOLDER_BYTES}`)
  const { path: directory } = place(flags).directory
  const folder = new GoFolder(outputsFolder(directory, process.env))
  // The go command waits for this before it does anything.
  await terminal.output.write(Buffer.from(greeting()))
  const ending = endings(signal)
  const notes = new Notes((text) => terminal.note(text))
  const timeout = flags.timeout ?? (process.env['DSTORE_TIMEOUT'] || TIMEOUT)
  const timed = { ...invocation, flags: { ...flags, timeout } }
  const client = findDaemon(timed).then(
    (found) => found ?? without(notes, directory),
    (error: unknown) => {
      notes.notRead(asDstoreError(error))
      return undefined
    },
  )
  const store = new GoStore({
    client,
    clientOptions: clientOptions(timed),
    onFault: (error) => notes.notRead(error),
    holdsFiles: PLATFORM.hasDescriptorPaths,
  })
  const held = new HeldFiles(
    join(folder.path, `run-${process.pid}-${randomBytes(4).toString('hex')}`),
  )
  const uploads = new Uploads({
    client,
    onStored: ({ action, output }) => folder.markStored(action, output),
    onFault: (error) => notes.notStored(error),
  })
  let closeId: number | undefined
  const cache = new GoCache({
    folder,
    store,
    held,
    uploads,
    respond: (response) => {
      terminal.output
        .write(Buffer.from(encodeResponse(response)))
        .catch((error: unknown) => input.destroy(error as Error))
    },
    onClose: (id) => {
      closeId = id
      input.destroy()
    },
    onFault: (error) => notes.notRead(error),
  })
  try {
    await readAll(input, new RequestReader(cache), () => closeId !== undefined, signal)
    await cache.settled()
    await storeAll(uploads, ending, notes)
    await tidy(folder, maxBytes, terminal)
  } finally {
    held.release()
  }
  const { local, stored, misses, puts } = cache.counts
  terminal.detail(`${local + stored} hits (${stored} from dstore), ${misses} misses, ${puts} puts`)
  if (closeId !== undefined)
    await terminal.output.write(Buffer.from(encodeResponse({ id: closeId })))
  return 0
}

function without(notes: Notes, directory: string): Client | undefined {
  notes.noDaemon(directory)
  return undefined
}

/**
 * Aborted by Ctrl-C. The go command may live on, as `go run` does until its program has ended: so
 * this process ends with it, and only stores nothing more.
 */
function endings(cancelled: AbortSignal): AbortSignal {
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.removeAllListeners(signal)
    process.on(signal, () => interrupted.abort())
  }
  return AbortSignal.any([interrupted.signal, cancelled])
}

/** Reads requests until the go command closes the cache, or ends. */
async function readAll(
  input: NodeJS.ReadStream,
  reader: RequestReader,
  isClosed: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  const cancel = (): unknown => input.destroy(signal.reason as Error)
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for await (const bytes of input) reader.push(bytes as Uint8Array)
  } catch (error) {
    if (!isClosed()) throw error
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** Waits until outputs are stored, or the user ends it. */
async function storeAll(uploads: Uploads, ending: AbortSignal, notes: Notes): Promise<void> {
  if (uploads.left === 0) return
  const announce = setTimeout(
    () => notes.once(`storing ${uploads.left} results; Ctrl-C leaves them on this machine`),
    QUIET_MS,
  )
  const ended = new Promise<void>((resolve) => {
    if (ending.aborted) resolve()
    ending.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([uploads.settled(), ended])
  clearTimeout(announce)
}

async function tidy(folder: GoFolder, maxBytes: number, terminal: Terminal): Promise<void> {
  try {
    await trim(folder.path, { maxBytes, addedBytes: folder.addedBytes })
  } catch (error) {
    // It is tried again by the next go command.
    terminal.detail(`the folder of outputs was not trimmed: ${asDstoreError(error).message}`)
  }
}
