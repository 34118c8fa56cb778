/** One tag that a hundred clients move at the same time, at a Global and at a Local of it. */
import { once } from '../../src/bytes.ts'
import { Client } from '../../src/daemon/client/client.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { test } from '../serial.ts'
import { Daemon } from './nodes.ts'

const WRITERS = 100
const ROUNDS = 2
const TAG = 'moving/latest'
/** Targets that a tag remembers. */
const REMEMBERED = 16

test('R004-118, R004-120: a hundred writers move one tag, and its moves are one chain', async (t) => {
  const global = await Daemon.start(t, ['--global'])
  const local = await Daemon.join(t, global)
  const sockets = [global, local].map(({ place }) => stateDirectory(place.state).socket)
  const clients = await Promise.all(
    Array.from({ length: WRITERS }, async (_, at) => (await Client.connect(sockets[at % 2]!))!),
  )
  t.teardown(() => clients.forEach((client) => client.close()))
  const first = await clients[0]!.putBytes(once(Buffer.from('first')), undefined, {
    name: TAG,
    naming: { kind: 'tag' },
  })
  /** The target that each target took the place of, as the movers were told. */
  const before = new Map<string, string | undefined>()
  await Promise.all(
    clients.map(async (client, at) => {
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = Buffer.from(`${at} ${round}`)
        const { key } = await client.putBytes(once(bytes), undefined, {
          name: `kept/${at}/${round}`,
        })
        const moved = await client.tags.move(TAG, key)
        t.deepEqual([moved.key, before.has(key)], [key, false])
        before.set(key, moved.previous)
      }
    }),
  )
  const history: string[] = []
  for await (const { key } of clients[0]!.tags.history(TAG)) history.push(key)
  t.is((await clients[1]!.lookup(TAG, true)).key, history[0]!)
  // From the newest target to the first, through each move once.
  const chain: string[] = []
  for (let at = history[0]; at !== undefined; at = before.get(at)) {
    chain.push(at)
    if (chain.length > WRITERS * ROUNDS + 1) break
  }
  t.is(chain.length, WRITERS * ROUNDS + 1)
  t.is(new Set(chain).size, chain.length)
  t.is(chain.at(-1), first.key)
  t.deepEqual(history, chain.slice(0, REMEMBERED))
})
