/** A file or folder that a daemon holds for this process while a connection is open (R007-351). */
import { statSync } from 'node:fs'
import type { Deadline } from '../../../deadline.ts'
import { systemFault } from '../../../errno.ts'
import { DstoreError } from '../../../errors.ts'
import type { Progress } from '../../../node/node.ts'
import type { CallEvent, PathAnswer, Problem } from '../../api/api.ts'
import { LineSplitter } from '../../api/line-splitter.ts'
import { errorOf } from '../../api/problem.ts'
import { connectionError } from '../response.ts'
import type { Answer } from '../raw-connection.ts'

export interface PathRequest {
  /** Below the directory that the key or name leads to. */
  readonly path?: string
  readonly executable?: boolean
  /** Hold it for this time after the answer, in milliseconds, and not for the connection. */
  readonly holdMs?: number
}

export interface OpenedPath extends PathAnswer {
  /** Aborted, with the reason, once it is held no longer: `removed`, or `unreachable`. */
  readonly removed: AbortSignal
  /** Ends the hold, unless it is one for a time. */
  readonly release: () => void
}

type PathEvent = CallEvent<PathAnswer> | { readonly event: 'removed'; readonly problem: Problem }

/** How long a file that is not there may wait for the news that its value was removed. */
const NEWS_MS = 500

/** Reads the answer to a request for a path; the events before the result go to `onProgress`. */
export async function openedPath(
  { connection, limit, end }: Answer,
  onProgress?: (progress: Progress) => void,
): Promise<OpenedPath> {
  let isHeld = false
  const events = eventsIn(connection.body(whileUnheld(limit, () => isHeld)))
  try {
    for (;;) {
      const { value: event, done } = await events.next()
      if (done === true) break
      if (event.event === 'failed' || event.event === 'removed') throw errorOf(event.problem)
      if (event.event === 'progress') {
        onProgress?.({ ...event, totalBytes: event.totalBytes ?? undefined })
        continue
      }
      isHeld = true
      limit.clear()
      const over = new AbortController()
      let isReleased = false
      const watching = watch(events, (reason) => {
        if (!isReleased) over.abort(reason)
      })
      const release = (): void => {
        isReleased = true
        end()
      }
      await checkSame(event.result, over.signal, watching)
      return { ...event.result, removed: over.signal, release }
    }
    throw new DstoreError('unreachable', 'the daemon ended before it sent a result')
  } catch (error) {
    end()
    throw connectionError(error, limit)
  }
}

/** The limit of the call, which no longer applies while the file is held. */
function whileUnheld(limit: Deadline, isHeld: () => boolean): Deadline {
  return Object.create(limit, {
    signal: { get: () => limit.signal },
    isRunning: { get: () => limit.isRunning },
    progress: { value: () => (isHeld() ? undefined : limit.progress()) },
  }) as Deadline
}

async function* eventsIn(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<PathEvent, void, undefined> {
  const lines = new LineSplitter()
  for await (const part of body) {
    for (const line of lines.take(part)) yield JSON.parse(line) as PathEvent
  }
}

/** Tells the reason in the event behind the result, or that the connection was lost. */
async function watch(
  events: AsyncGenerator<PathEvent, void, undefined>,
  onOver: (reason: DstoreError) => void,
): Promise<void> {
  try {
    const { value: event, done } = await events.next()
    // A hold for a time outlasts the connection.
    if (done === true || !('problem' in event)) return
    onOver(errorOf(event.problem))
  } catch (cause) {
    onOver(new DstoreError('unreachable', 'the connection to the daemon was lost', { cause }))
  }
}

/** Throws `unreadable` unless the path leads this process to the file that the daemon means. */
async function checkSame(
  { path, device, inode }: PathAnswer,
  removed: AbortSignal,
  news: Promise<void>,
): Promise<void> {
  let fault: DstoreError
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    if (found?.dev === BigInt(device) && found.ino === BigInt(inode)) return
    // The value may have been removed just now, and the file with it.
    if (found === undefined) await within(news, NEWS_MS)
    const what = found === undefined ? 'is not there' : 'is another file'
    fault = new DstoreError('unreadable', `${path} ${what} for this process`, {
      hint: 'it sees other mounts than the daemon: mount that folder at the same path, or use get',
    })
  } catch (cause) {
    const reason = systemFault(cause)?.reason ?? String(cause)
    fault = new DstoreError('unreadable', `this process cannot reach ${path}: ${reason}`, {
      cause,
      hint: 'the folder is for the user of the daemon: use get',
    })
  }
  throw removed.aborted ? removed.reason : fault
}

async function within(news: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([news, late])
  clearTimeout(timer)
}
