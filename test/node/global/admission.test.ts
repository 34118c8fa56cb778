/** What Global reads from a peer before it admits it. */
import { test } from '../../serial.ts'
import { HELLO_BYTES } from '../../../src/limits.ts'
import { encodeLength } from '../../../src/wire/frames.ts'
import { channelPair } from '../../wire/memory-pair.ts'
import { Stranger, openHost } from '../../network/stranger.ts'

test('R006-30 a stranger’s first message has at most HELLO_BYTES, a member’s may have more', async (t) => {
  const host = await openHost(t)
  await host.ask({ type: 'admit', peer: 'member', role: 'reader' })
  const say = async (peer: string, length: number): Promise<string | undefined> => {
    const [mine, theirs] = channelPair({ peers: [peer, 'Global'] })
    void host.serve(theirs)
    const stranger = new Stranger(mine)
    // Only the length: Global refuses before the bytes that it announces.
    await stranger.raw(encodeLength(length))
    const heard = stranger.hear()
    const silence = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 100))
    const body = (await Promise.race([heard, silence]))?.body
    mine.abort(new Error('enough'))
    await heard
    return body?.type === 'failure' ? `${body.code}: ${body.message}` : body?.type
  }
  t.regex((await say('stranger', HELLO_BYTES + 1))!, /^protocol: .*at most 8192 are allowed/)
  t.is(await say('stranger', HELLO_BYTES), undefined)
  t.is(await say('member', HELLO_BYTES + 1), undefined)
})
