/**
 * Floods of connections, streams, requests, and answers that are not taken. Other clients keep
 * working, and memory stays within its bounds (R003-22, R003-23, R004-53).
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Shared, Target, assertUnharmed, during } from './arena.ts'
import { digestOf } from './keys.ts'
import { rangeField, sendPieces } from './lying-holder.ts'
import { INDEX, TRANSFER, hello, index, transfer } from './messages.ts'
import { Peer } from './peer.ts'

/** Locates in flight before the first answer is taken. */
const AHEAD = 500

/** How much of everything: a little in each test run, and all of it in the slow one. */
export interface FloodSizes {
  /** Connections that stay half open. */
  readonly halfOpen: number
  /** Streams of one peer; more than the 64 of each of two protocols that are allowed. */
  readonly streams: number
  /** Keys that are located without taking an answer. */
  readonly locates: number
  /** How long a flood lasts, in milliseconds. */
  readonly floodMs: number
  /** A value that is fetched 128 times and not taken, in bytes. */
  readonly valueBytes: number
}

export function floodSuite({ halfOpen, streams, locates, floodMs, valueBytes }: FloodSizes): void {
  const shared = new Shared()
  let global: Target
  let healthy: Target

  test.before(async () => {
    global = await Target.global(shared)
    healthy = await Target.local(shared, global)
  })
  test.after.always(() => shared.end())

  test('half-open connections are dropped, and keep no member out', async (t) => {
    const [, , host, , port] = global.address.split('/')
    const open: Socket[] = []
    t.teardown(() => open.forEach((socket) => socket.destroy()))
    let ended = 0
    const half = async (greeting: Uint8Array): Promise<void> => {
      const socket = connect(Number(port), host)
      open.push(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => ended++)
      socket.resume()
      await Promise.race([
        once(socket, 'connect').catch(() => undefined),
        once(socket, 'close').catch(() => undefined),
      ])
      if (greeting.byteLength > 0) socket.write(greeting)
    }
    // Nothing; the beginning of the choice of a protocol; all of it and then nothing; noise that is
    // none.
    const multistream = Buffer.from('\x13/multistream/1.0.0\n')
    const greetings = [
      new Uint8Array(0),
      multistream.subarray(0, 5),
      Buffer.concat([multistream, Buffer.from('\x07/noise\n')]),
      randomBytes(1000),
    ]
    const watched = await during(global, healthy, async () => {
      for (let i = 0; i < halfOpen; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, (_, n) => half(greetings[n % greetings.length]!)),
        )
      }
      await eventually(() => ended === open.length, 60_000)
    })
    t.is(ended, open.length)
    assertUnharmed(t, global, watched)
    t.is((await healthy.status()).global?.state, 'connected')
  })

  test('R003-22 the streams of one peer are bounded, and cost the others nothing', async (t) => {
    const peer = await global.member(t)
    const refused = new Set<number>()
    const watched = await during(global, healthy, async () => {
      const opened = Array.from({ length: streams }, async (_, i) => {
        try {
          const line = await peer.open(global.address, i % 2 === 0 ? TRANSFER : INDEX)
          void line.closed.then(() => refused.add(i))
          await line.send(i % 2 === 0 ? transfer('accept').subarray(0, 1) : hello().subarray(0, 3))
        } catch {
          refused.add(i)
        }
      })
      await Promise.all(opened)
      // Of each protocol 64 are accepted; the others are reset.
      await eventually((saw) => saw(refused.size) >= streams - 2 * 64)
    })
    t.pass()
    assertUnharmed(t, global, watched)
  })

  test('R004-53 a peer that takes no answers is read no further', async (t) => {
    const small = await Promise.all(
      Array.from({ length: 20 }, () => global.put(randomBytes(16_000))),
    )
    const digests = small.map(digestOf)
    const peer = await global.member(t)
    const line = peer.session
    let sent = 0
    const watched = await during(global, healthy, async () => {
      // It never reads, and a paused stream returns no window.
      line.stream.pause()
      const flood = async (): Promise<void> => {
        for (let id = 100; sent < locates; id++) {
          const batch = Array.from(
            { length: 64 },
            (_, i) => [1, digests[i % digests.length]!] as const,
          )
          await line.send(index('locate', id, [...batch, [2, true]]))
          sent += batch.length
        }
      }
      const flooding = flood().catch(() => undefined)
      // Until nothing moves: all is sent, or Global reads no further.
      for (let before = -1; sent > before;) {
        before = sent
        await Promise.race([flooding, sleep(1000)])
      }
    })
    assertUnharmed(t, global, watched)
    t.true(sent < locates, `all of ${sent} were taken`)
  })

  test('a flood of locates whose answers are taken harms no other client', async (t) => {
    const key = await global.put(randomBytes(16_000))
    const peer = await global.member(t)
    const line = peer.session
    let answers = 0
    const watched = await during(global, healthy, async () => {
      const end = performance.now() + floodMs
      for (let id = 100; answers <= 100 || performance.now() < end; answers++) {
        for (; id < 100 + answers + AHEAD; id++) {
          await line.send(
            index('locate', id, [
              [1, digestOf(key)],
              [2, true],
            ]),
          )
        }
        t.is((await line.answer('located', 'failure'))?.kind, 'located')
      }
    })
    t.true(answers > 100, `${answers} answers`)
    assertUnharmed(t, global, watched)
  })

  test('R003-22 R003-23 peers that take nothing of their transfers hold no more than their share', async (t) => {
    const size = valueBytes
    const key = await global.put(randomBytes(size))
    const slow = await Promise.all(Array.from({ length: 8 }, () => Peer.create(t)))
    const watched = await during(global, healthy, async () => {
      for (const peer of slow) {
        await global.admit(peer.id, 'reader')
        await peer.join(t, global.address)
        for (let n = 0; n < 16; n++) {
          const line = await peer.open(global.address, TRANSFER)
          await line.send(
            transfer('fetch', [[1, digestOf(key)], rangeField({ start: 0, end: size })]),
          )
          line.stream.pause()
        }
      }
      // Another peer fetches the same value meanwhile, whole.
      const { status, body } = await healthy.call('GET', `/v1/values/${key}`)
      t.is(status, 200)
      t.is(body.byteLength, size)
      await sleep(floodMs / 3)
    })
    assertUnharmed(t, global, watched)
  })

  test('R003-23 endless uploads on many streams are never stored', async (t) => {
    const values = await global.values()
    const peer = await global.member(t)
    const watched = await during(global, healthy, async () => {
      const lines = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const line = await peer.open(global.address, TRANSFER)
          await line.send(transfer('upload', [[2, 2 ** 50]]))
          return line
        }),
      )
      const end = performance.now() + floodMs
      await Promise.all(
        lines.map(async (line) => {
          while (performance.now() < end && line.stream.status === 'open') {
            await Promise.race([
              sendPieces(line, randomBytes(1 << 18)).catch(() => sleep(100)),
              sleep(200),
            ])
          }
          line.stream.abort(new Error('enough'))
        }),
      )
    })
    t.is(await global.values(), values + watched.done)
    assertUnharmed(t, global, watched)
  })
}
