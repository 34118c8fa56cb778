import { test } from '../../serial.ts'
import { deadline } from '../../../src/deadline.ts'
import { DstoreError, type ErrorCode } from '../../../src/errors.ts'
import { sendStream } from '../../../src/node/local/stream-upload.ts'
import type { ChannelPool } from '../../../src/node/swarm/channel-pool.ts'
import { Activity } from '../../../src/node/activity/activity.ts'
import { SendWindow } from '../../../src/transfer/send-window.ts'
import type { UploadResult } from '../../../src/transfer/upload.ts'

/** Sends a stream while a channel is refused this often, and counts the attempts. */
async function sent(
  code: ErrorCode,
  refusals: number,
  wasThere: boolean,
): Promise<[UploadResult, number]> {
  let attempts = 0
  const stored = {} as UploadResult
  const run = (): Promise<UploadResult> =>
    ++attempts > refusals
      ? Promise.resolve(stored)
      : Promise.reject(new DstoreError(code, 'no channel'))
  const stream = {
    bytes: (async function* (): AsyncGenerator<Uint8Array> {})(),
    size: undefined,
    identity: () => ({ digest: new Uint8Array(32), size: 0 }),
  }
  const options = {
    transfers: { run } as unknown as ChannelPool,
    globalPeer: 'G',
    window: new SendWindow(() => performance.now()),
    random: (bytes: number) => new Uint8Array(bytes),
    wasThere,
    activity: new Activity(),
  }
  const limit = deadline(10_000, 'Global took nothing more')
  try {
    return [await sendStream(options, stream, limit), attempts]
  } finally {
    limit.clear()
  }
}

test('R003-46: a stream waits its turn while other transfers have all channels', async (t) => {
  for (const code of ['busy', 'unreachable'] as const) {
    const [, attempts] = await sent(code, 3, true)
    t.is(attempts, 4, code)
  }
})

test('R003-46: a stream that finds no Global fails at once', async (t) => {
  const failure = await t.throwsAsync(sent('unreachable', 1, false), { instanceOf: DstoreError })
  t.is(failure?.code, 'unreachable')
})

test('a stream that Global refuses is not sent again', async (t) => {
  const failure = await t.throwsAsync(sent('no-space', 1, true), { instanceOf: DstoreError })
  t.is(failure?.code, 'no-space')
})
