/**
 * Values of a Local as its daemon sends them: what a client has not taken is not other bytes,
 * however long it takes.
 */
import { connect, type Socket } from 'node:net'
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { startDaemon } from '../../../src/daemon/process/daemon.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import type { Key } from '../../../src/hash/key.ts'
import { MIB } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import type { Node } from '../../../src/node/node.ts'
import { eventually } from '../../eventually.ts'
import { Nodes } from '../../node/nodes.ts'
import { isPartOf, painted, paintedFile } from '../../node/painted.ts'
import { temporaryDirectory } from '../serving.ts'
import { POOLED_VALUE_BYTES } from '../../../src/node/cache/cached-value.ts'

/** The last piece is smaller than what a socket buffers before it says that it is enough. */
const SIZE = POOLED_VALUE_BYTES + 9000

const shared = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): number =>
  [...a].filter((one) => b.has(one)).length

/** The daemon of a Local whose cache holds three values. */
class Site {
  readonly global: Node
  readonly local: Node
  readonly socket: string
  readonly #folder: string
  #colour = 1

  private constructor(global: Node, local: Node, socket: string, folder: string) {
    this.global = global
    this.local = local
    this.socket = socket
    this.#folder = folder
  }

  static async open(t: ExecutionContext): Promise<Site> {
    const nodes = new Nodes(t)
    const global = await nodes.global()
    const local = await nodes.local(global, { cacheBytes: 16 * MIB })
    const daemon = await startDaemon({
      directory: stateDirectory(temporaryDirectory(t)),
      settings: { store: 'memory' },
      log: SILENT,
      openNode: async () => local,
    })
    t.teardown(() => daemon.close())
    return new Site(global, local, daemon.socket, await nodes.folder())
  }

  /** Put a value, the first of them in the first colour. */
  async put(): Promise<Key> {
    const path = await paintedFile(this.#folder, SIZE, this.#colour++)
    return (await this.local.put({ path })).key
  }

  async memoryOf(...keys: readonly Key[]): Promise<Set<ArrayBufferLike>> {
    const memory = new Set<ArrayBufferLike>()
    for (const key of keys) {
      for await (const { buffer } of (await this.local.get(key)).bytes) memory.add(buffer)
    }
    return memory
  }

  /** How much of this memory others get who come now, and go again. */
  async used(memory: ReadonlySet<ArrayBufferLike>): Promise<number> {
    const keys = [await this.put(), await this.put()]
    const count = shared(memory, await this.memoryOf(...keys))
    for (const key of keys) await this.local.evict(key)
    return count
  }

  async hits(): Promise<number> {
    return (await this.local.status()).cache!.hits
  }
}

function request(key: Key, headers: string = ''): string {
  return `GET /v1/values/${key.toString()} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
}

/** A client that reads on demand. */
class Client {
  readonly socket: Socket
  #waiting: Buffer = Buffer.alloc(0)
  #wake: () => void = () => undefined

  constructor(path: string) {
    this.socket = connect(path)
    this.socket.on('error', () => undefined)
    for (const event of ['readable', 'end', 'close']) this.socket.on(event, () => this.#wake())
  }

  /** So many bytes, or fewer where the connection ends before. */
  async take(count: number): Promise<Buffer> {
    const { socket } = this
    while (this.#waiting.byteLength < count) {
      const bytes = socket.read() as Buffer | null
      if (bytes !== null) this.#waiting = Buffer.concat([this.#waiting, bytes])
      else if (socket.readableEnded || socket.destroyed) break
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    const taken = this.#waiting.subarray(0, count)
    this.#waiting = this.#waiting.subarray(count)
    return taken
  }

  /** The head of an answer, in lower case. */
  async head(): Promise<string> {
    let head = ''
    while (!head.endsWith('\r\n\r\n')) {
      const byte = await this.take(1)
      if (byte.byteLength === 0) break
      head += byte.toString('latin1')
    }
    return head.toLowerCase()
  }
}

for (const { length, isCopied } of [
  { length: 10_000, isCopied: true },
  { length: 20_000, isCopied: false },
]) {
  test(`responses of ${length} bytes that the client has not read yet stay right when the value is evicted`, async (t) => {
    const site = await Site.open(t)
    const key = await site.put()
    const memory = await site.memoryOf(key)
    const client = new Client(site.socket)
    // Many small responses one after another, more than a socket holds.
    const ranges = Array.from({ length: 80 }, (_, i) => i * 50_001)
    const hits = await site.hits()
    const ends = (start: number): string => `Range: bytes=${start}-${start + length - 1}\r\n`
    client.socket.write(ranges.map((start) => request(key, ends(start))).join(''))
    await eventually(async () => (await site.hits()) >= hits + ranges.length)
    await site.local.evict(key)
    if (isCopied) await eventually(async () => (await site.used(memory)) === 5)
    else t.is(await site.used(memory), 0, 'it is being sent')
    for (const start of ranges) {
      const head = await client.head()
      t.true(head.startsWith('http/1.1 206 '))
      t.true(head.includes(`content-length: ${length}\r\n`))
      t.true(isPartOf(painted(SIZE, 1), start, await client.take(length)), `from ${start}`)
    }
    await eventually(async () => (await site.used(memory)) === 5)
    client.socket.destroy()
  })
}

test('a client that reads slowly gets the value that it asked for, which is evicted meanwhile', async (t) => {
  const site = await Site.open(t)
  const key = await site.put()
  const memory = await site.memoryOf(key)
  const client = new Client(site.socket)
  client.socket.write(request(key))
  t.regex(await client.head(), /^http\/1.1 200 /)
  let got = 0
  const take = async (count: number): Promise<void> => {
    const bytes = await client.take(count)
    t.true(bytes.byteLength > 0 && isPartOf(painted(SIZE, 1), got, bytes), `from ${got}`)
    got += bytes.byteLength
  }
  await take(10_000)
  await site.local.evict(key)
  // Between two reads, others come and go.
  for (let left = SIZE - got; left > 2 * MIB; left = SIZE - got) {
    t.is(await site.used(memory), 0, 'somebody uses it')
    await take(2 * MIB)
  }
  for (let left = SIZE - got; left > 0; left = SIZE - got) await take(Math.min(50_000, left))
  await eventually(async () => (await site.used(memory)) === 5)
  client.socket.destroy()
})

for (const hasTrailers of [false, true]) {
  const told = hasTrailers ? 'is told of it' : 'is cut off'
  test(`R007-12: a client that reads a value when it is removed ${told}, and the memory is used again`, async (t) => {
    const site = await Site.open(t)
    const key = await site.put()
    const memory = await site.memoryOf(key)
    const client = new Client(site.socket)
    const headers = `Connection: close\r\n${hasTrailers ? 'TE: trailers\r\n' : ''}`
    client.socket.write(request(key, headers))
    await client.head()
    await client.take(20_000)
    await site.global.index.remove(key)
    t.is(await site.used(memory), 0, 'somebody uses it')
    const rest = await client.take(2 * SIZE)
    t.true(rest.byteLength < SIZE - 20_000)
    if (hasTrailers) {
      t.regex(rest.toString('latin1').slice(-1000), /\r\n0\r\ndstore-problem: .*"removed"/i)
    } else {
      t.true(isPartOf(painted(SIZE, 1), 20_000, rest))
    }
    await eventually(async () => (await site.used(memory)) === 5)
  })
}

for (const [what, count] of [
  ['a client that leaves', 1],
  ['a client that leaves with answers that it never began to read', 50],
] as const) {
  test(`R007-14: ${what} lets go of the memory`, async (t) => {
    const site = await Site.open(t)
    const key = await site.put()
    const memory = await site.memoryOf(key)
    const hits = await site.hits()
    const client = new Client(site.socket)
    client.socket.write(request(key).repeat(count))
    await eventually(async () => (await site.hits()) >= hits + count)
    await client.head()
    await client.take(10_000)
    await site.local.evict(key)
    t.is(await site.used(memory), 0, 'somebody uses it')
    client.socket.destroy()
    await eventually(async () => (await site.used(memory)) === 5)
  })
}
