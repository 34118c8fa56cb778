/**
 * Peers that ask for more than there is: connections, streams, requests, and answers that they do not take. Who works
 * beside them goes on working, and memory stays where it was (R003-22, R003-23, R004-53).
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Shared, Target, assertUnharmed, during } from './arena.ts'
import { digestOf } from './keys.ts'
import { rangeField, sendPieces } from './lying-holder.ts'
import { INDEX, TRANSFER, hello, index, transfer } from './messages.ts'
import { Peer } from './peer.ts'

/** `npm run test:hostile` makes ten thousand of them; a process may hold so many files only where it is let. */
const HALF_OPEN = Number(process.env['DSTORE_HALF_OPEN'] ?? 1000)
const STREAMS = 1000
/** Questions that are asked before the first answer is taken. */
const AHEAD = 500
const LOCATES = Number(process.env['DSTORE_LOCATES'] ?? 200_000)

const shared = new Shared()
let global: Target
let healthy: Target

test.before(async () => {
  global = await Target.global(shared)
  healthy = await Target.local(shared, global)
})
test.after.always(() => shared.end())

test.serial('connections that stay half open are let go of, and keep nobody out', async (t) => {
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
  // Nothing; the beginning of the choice of a protocol; all of it and then nothing; noise that is none.
  const multistream = Buffer.from('\x13/multistream/1.0.0\n')
  const greetings = [
    new Uint8Array(0),
    multistream.subarray(0, 5),
    Buffer.concat([multistream, Buffer.from('\x07/noise\n')]),
    randomBytes(1000),
  ]
  const watched = await during(global, healthy, async () => {
    for (let i = 0; i < HALF_OPEN; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => half(greetings[n % greetings.length]!)),
      )
    }
    // Whoever comes now is served all the same, in time.
    for (const end = performance.now() + 20_000; ended < open.length && performance.now() < end;) {
      await sleep(100)
    }
  })
  t.is(ended, open.length)
  assertUnharmed(t, global, watched)
  t.is((await healthy.status()).global?.state, 'connected')
})

test.serial(
  'R003-22 a thousand streams of one peer are bounded, and cost the others nothing',
  async (t) => {
    const peer = await global.member(t)
    let refused = 0
    const watched = await during(global, healthy, async () => {
      const opened = Array.from({ length: STREAMS }, async (_, i) => {
        try {
          const line = await peer.open(global.address, i % 2 === 0 ? TRANSFER : INDEX)
          await line.send(i % 2 === 0 ? transfer('accept').subarray(0, 1) : hello().subarray(0, 3))
          await Promise.race([line.closed, sleep(2000)])
          if (line.stream.status !== 'open') refused++
        } catch {
          refused++
        }
      })
      await Promise.all(opened)
    })
    // 64 of each protocol are let in; the others are reset.
    t.true(refused >= STREAMS - 2 * 64, `${refused} of ${STREAMS} refused`)
    assertUnharmed(t, global, watched)
  },
)

test.serial('R004-53 who asks without taking answers is read no further', async (t) => {
  const small = await Promise.all(Array.from({ length: 20 }, () => global.put(randomBytes(16_000))))
  const digests = small.map(digestOf)
  const peer = await global.member(t)
  const line = peer.session
  let sent = 0
  const watched = await during(global, healthy, async () => {
    // It never reads: a stream that is paused gives its window back to nobody.
    line.stream.pause()
    const flood = async (): Promise<void> => {
      for (let id = 100; sent < LOCATES; id++) {
        const batch = Array.from(
          { length: 64 },
          (_, i) => [1, digests[i % digests.length]!] as const,
        )
        await line.send(index('locate', id, [...batch, [2, true]]))
        sent += batch.length
      }
    }
    await Promise.race([flood().catch(() => undefined), sleep(5000)])
  })
  assertUnharmed(t, global, watched)
  t.true(sent < LOCATES, `all of ${sent} were taken`)
})

test.serial(
  'a flood of locates whose answers are taken goes at the speed of Global, not at its cost',
  async (t) => {
    const key = await global.put(randomBytes(16_000))
    const peer = await global.member(t)
    const line = peer.session
    let answers = 0
    const watched = await during(global, healthy, async () => {
      const end = performance.now() + 3000
      for (let id = 100; performance.now() < end; answers++) {
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
  },
)

test.serial(
  'R003-22 R003-23 who holds transfers open and takes nothing has his share, and no more',
  async (t) => {
    const size = 20_000_000
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
      // Somebody else fetches the same value meanwhile, whole.
      const { status, body } = await healthy.call('GET', `/v1/values/${key}`)
      t.is(status, 200)
      t.is(body.byteLength, size)
      await sleep(1000)
    })
    assertUnharmed(t, global, watched)
  },
)

test.serial('R003-23 who sends values without end, from many streams, fills nothing', async (t) => {
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
    const end = performance.now() + 3000
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
  t.is(await global.values(), values + watched.stored)
  assertUnharmed(t, global, watched)
})
