/** A Global that names anything as the addresses of its set (R012-60, R006-42 to R006-45). */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { ServedNode } from '../../src/node/node.ts'
import { eventually } from '../eventually.ts'
import { Nodes } from '../node/nodes.ts'
import { test } from '../serial.ts'
import { INDEX, index } from './messages.ts'
import { Peer, type Line } from './peer.ts'
import type { Field } from './protobuf.ts'

const RUN = new Uint8Array(16).fill(3)

/** A peer that says that it is Global, and what its pongs name. */
class Liar {
  readonly peer: Peer
  names: readonly string[] = []
  /** What its welcomes name. */
  welcomes: readonly string[] = []
  /** Hellos, and pongs with these names. */
  hellos = 0
  pongs = 0
  #lines: Line[] = []

  constructor(peer: Peer) {
    this.peer = peer
  }

  static async create(t: ExecutionContext): Promise<Liar> {
    const liar = new Liar(await Peer.create(t, { listen: true }))
    await liar.peer.handle(INDEX, (line) => liar.#serve(line))
    return liar
  }

  /** From now on. */
  name(names: readonly string[]): void {
    this.names = names
    this.pongs = 0
  }

  /** Ends every session, as a Global that is killed. */
  hangUp(): void {
    for (const line of this.#lines) line.stream.abort(new Error('over'))
    this.#lines = []
  }

  async #serve(line: Line): Promise<void> {
    this.#lines.push(line)
    for (;;) {
      const message = await line.index()
      if (message === undefined) return
      if (message.kind === 'hello') {
        this.hellos++
        const position: readonly Field[] = [[1, RUN]]
        const named = this.welcomes.map((name) => [6, name] as const)
        await line.send(index('welcome', message.id, [[1, 1], [2, position], [4, true], ...named]))
      }
      if (message.kind !== 'ping') continue
      this.pongs++
      await line.send(
        index(
          'pong',
          message.id,
          this.names.map((name) => [3, name] as const),
        ),
      )
    }
  }
}

interface Pair {
  readonly liar: Liar
  readonly local: ServedNode
  /** What the Local keeps of what was named. */
  readonly named: () => Promise<readonly string[]>
}

async function pair(t: ExecutionContext): Promise<Pair> {
  const nodes = new Nodes(t)
  const liar = await Liar.create(t)
  const dir = await nodes.folder()
  const local = await nodes.open({ role: 'local', dir, join: liar.peer.address })
  const named = async (): Promise<readonly string[]> => {
    const text = await readFile(join(dir, 'global.json'), 'utf8').catch(() => '{"named":[]}')
    return (JSON.parse(text) as { readonly named: readonly string[] }).named
  }
  return { liar, local, named }
}

const isConnected = async (local: ServedNode): Promise<boolean> =>
  (await local.status()).global!.state === 'connected'

const many = Array.from({ length: 10_000 }, (_, i) => `/ip4/10.1.${i >> 8}.${i & 255}/tcp/4480`)

test('R012-60 pongs with too many addresses, or with what is none, end a session and change nothing', async (t) => {
  t.timeout(60_000)
  const { liar, local, named } = await pair(t)
  const good = ['/ip4/10.9.9.9/tcp/4480']
  liar.welcomes = good
  liar.name(good)
  t.true(await eventually(async () => (await named()).join() === good.join()))
  for (const bad of [
    many,
    many.slice(0, 9),
    ['not an address'],
    [`/ip4/10.0.0.1/tcp/${'1'.repeat(10_000)}`],
    [`${good[0]}/p2p/${liar.peer.id}`],
  ]) {
    const { hellos } = liar
    liar.name(bad)
    t.true(await eventually(async () => liar.pongs > 0 && liar.hellos > hellos), bad[0])
    t.deepEqual(await named(), good, bad[0])
  }
  liar.name([])
  t.true(await eventually(() => isConnected(local)))
})

test('R012-60 R006-44 of what a pong names a Local keeps hosts, never this machine or its links', async (t) => {
  t.timeout(60_000)
  const { liar, local, named } = await pair(t)
  liar.name([
    '/ip4/127.0.0.1/tcp/22',
    '/ip6/::1/tcp/22',
    '/ip4/169.254.169.254/tcp/80',
    '/ip4/224.0.0.1/tcp/4480',
    '/dns4/localhost/tcp/22',
    '/ip4/10.9.9.9/tcp/4480',
  ])
  t.true(await eventually(async () => (await named()).length > 0))
  t.deepEqual(await named(), ['/ip4/10.9.9.9/tcp/4480'])
  t.true(await isConnected(local))
})

test('R012-60 R006-7 a stranger whose address a pong names gets no hello; the Local goes on', async (t) => {
  t.timeout(60_000)
  const { liar, local, named } = await pair(t)
  const stranger = await Liar.create(t)
  const at = (one: Liar): string => one.peer.address.replace(/\/p2p\/.*$/, '')
  // Reached on loopback, Global may name others there.
  const both = [at(liar), at(stranger)]
  liar.name(both)
  t.true(await eventually(async () => (await named()).join() === both.join()))
  for (let times = 0; times < 3; times++) {
    const { hellos } = liar
    liar.hangUp()
    t.true(await eventually(async () => liar.hellos > hellos))
    t.true(await eventually(() => isConnected(local)))
  }
  t.is(stranger.hellos, 0)
})
