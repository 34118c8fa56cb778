/**
 * Uploads a stream to Global. It cannot be read again, so it is resumed from what this node keeps
 * of it: the bytes that Global has not acknowledged (specs/003-transfer.md, R003-119).
 */
import { pause, untilAborted, type Deadline } from '../../deadline.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import { MIB, UPLOAD_ID_BYTES } from '../../limits.ts'
import type { SendWindow } from '../../transfer/send-window.ts'
import { Tail } from '../../transfer/tail.ts'
import type { TransferChannel } from '../../transfer/transfer-channel.ts'
import {
  keptBy,
  uploadStream,
  type Identity,
  type Keeper,
  type UploadResult,
} from '../../transfer/upload.ts'
import type { Activity } from '../activity/activity.ts'
import type { Beginning } from '../activity/transfer.ts'
import type { ChannelPool } from '../swarm/channel-pool.ts'
import { BROKEN, RETRY_MS, Retry, withoutGlobal } from '../swarm/retry.ts'

/** The most bytes of one stream in flight, which are kept to send them again after a break. */
const TAIL_BYTES = 16 * MIB

/** Shown when a stream fails because Global is unreachable. */
const GONE = 'the rest of a stream cannot be sent without its beginning: repeat the put'

export interface StreamUploadOptions {
  readonly transfers: ChannelPool
  readonly globalPeer: string
  readonly window: SendWindow
  readonly random: (bytes: number) => Uint8Array
  /** Global was there when the put began: it may be back soon. */
  readonly wasThere: boolean
  /**
   * Global is a set, whose next active member knows nothing of an upload: the beginning of the
   * stream is kept until it is larger than `TAIL_BYTES`, and is sent again.
   */
  readonly isOfSet?: boolean | undefined
  readonly activity: Pick<Activity, 'moving'>
}

export interface Stream extends Keeper {
  readonly bytes: AsyncIterator<Uint8Array>
  readonly size: number | undefined
  /** Its key and size, after the last byte. */
  readonly identity: () => Identity
}

/** `limit` runs while Global is waited for, and not the source. */
export async function sendStream(
  options: StreamUploadOptions,
  { bytes, size, identity, ...keeper }: Stream,
  limit: Deadline,
): Promise<UploadResult> {
  const { transfers, globalPeer, window, random, wasThere, isOfSet = false, activity } = options
  const flow = window.open(() => limit.moved(), TAIL_BYTES)
  const { name } = keeper
  const cancel: Beginning['cancel'] = (reason) => limit.cancel(reason)
  const listed = activity.moving.begin({ direction: 'out', name, size, cancel })
  const retry = new Retry({ now: () => performance.now(), codes: BROKEN, hint: GONE })
  const tail = new Tail(bytes)
  const dropped = (position: number): void => {
    if (!isOfSet || position > TAIL_BYTES) tail.drop(position)
  }
  let id = random(UPLOAD_ID_BYTES)
  let hasBegun = false
  /** Global takes this attempt: a failure is not about what it kept of the last. */
  let isOpen = false
  let hasMore = false
  let hasUpTo = 0
  let isComplete = false
  const send = (transfer: TransferChannel): Promise<UploadResult> => {
    const { signal } = transfer.channel
    const wait = <T>(next: Promise<T>): Promise<T> => {
      limit.pauseTimer()
      return untilAborted(next, signal).finally(() => limit.progress())
    }
    const stream = {
      size,
      id,
      ...(hasBegun && { resumeFrom: tail.start }),
      bytes: (position: number) => {
        if (position < tail.start || position > tail.end) throw wrongPosition(position)
        dropped(position)
        return tail.from(position, wait)
      },
      identity,
    }
    isOpen = false
    return uploadStream(transfer, stream, {
      ...keptBy(keeper),
      flow,
      onAccepted: () => (hasBegun = isOpen = true),
      onReceived: (position) => {
        hasMore = true
        if (position > hasUpTo) listed.moved(globalPeer, position - hasUpTo)
        hasUpTo = Math.max(hasUpTo, position)
        dropped(position)
      },
    })
  }
  try {
    for (;;) {
      try {
        const result = await transfers.run(globalPeer, limit.signal, send)
        isComplete = true
        return result
      } catch (error) {
        const fault = asDstoreError(error)
        limit.signal.throwIfAborted()
        // A stream that finds no Global fails as any other call does. One of a hundred that a build
        // tool writes at once waits for its turn: the others have all channels.
        if (!hasBegun && !wasThere) throw withoutGlobal(fault)
        // Global has restarted, or it was cut off for too long.
        const isForgotten = fault.code === 'not-found' && hasBegun && !isOpen
        if (isForgotten && isOfSet && tail.start === 0) {
          hasBegun = false
          id = random(UPLOAD_ID_BYTES)
          flow.restart()
          continue
        }
        if (fault.code === 'not-found') throw isOpen ? fault : forgotten(fault)
        flow.restart()
        if (hasMore) {
          hasMore = false
          retry.progress()
          limit.progress()
        }
        const failure = retry.failed(fault)
        if (failure !== undefined) throw failure
        await pause(RETRY_MS, limit.signal)
        limit.signal.throwIfAborted()
      }
    }
  } finally {
    listed.end()
    flow.close(isComplete)
  }
}

const wrongPosition = (position: number): DstoreError =>
  new DstoreError('protocol', `Global resumes an upload at ${position}, which it cannot know of`)

const forgotten = (cause: DstoreError): DstoreError =>
  new DstoreError(
    'unreachable',
    'the connection to Global broke, and it keeps nothing of the stream',
    {
      cause,
      hint: GONE,
    },
  )
