/** The main job, for real: Global and two Locals, three processes, values from one to the other. */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  createReadStream,
  existsSync,
  linkSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { test } from '../serial.ts'
import { PARALLEL_HASH_BYTES } from '../../src/limits.ts'
import { Place } from '../cli/command.ts'
import { sameBytes } from '../same-bytes.ts'
import { eventually, type Saw } from '../eventually.ts'
import { Daemon, network, shared } from './nodes.ts'

interface Nodes {
  global: Daemon
  readonly a: Daemon
  readonly b: Daemon
  /** Start Global again after a test has killed it. */
  readonly restart: () => Promise<void>
}

const nodes = shared(async (owner) => {
  const { global, locals } = await network(owner, 2, { local: ['--cache', '32MiB'] })
  const [a, b] = locals as [Daemon, Daemon]
  const made: Nodes = {
    global,
    a,
    b,
    restart: async () => void (made.global = await Daemon.start(owner, [], global.place)),
  }
  return made
})

const isConnected =
  (local: Daemon) =>
  async (saw: Saw): Promise<boolean> =>
    saw((await local.status()).global)?.state === 'connected'
const isAway =
  (local: Daemon) =>
  async (saw: Saw): Promise<boolean> =>
    saw((await local.status()).global)?.state === 'away'
const keyIn = (stdout: Buffer): string => stdout.toString().trim()

/** Chunk, group, inline limit and segment, each with its neighbours. */
const SIZES = [0, 1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 65_536, 1_048_575, 1_048_577]

test('values of every boundary size pass from one Local to the other, from file and from stdin', async (t) => {
  const { a, b } = await nodes()
  for (const size of SIZES) {
    const fromFile = randomBytes(size)
    writeFileSync(a.place.file('value'), fromFile)
    const put = await a.run(['put', a.place.file('value')])
    t.is(put.exit, 0, put.stderr)
    const got = await b.run(['get', keyIn(put.stdout)])
    sameBytes(t, got.stdout, fromFile, `${size} bytes from a file`)
  }
  const values = SIZES.map((size) => randomBytes(size))
  const keys: string[] = []
  for (const value of values) {
    const put = await a.run(['put', '-'], value)
    t.is(put.exit, 0, put.stderr)
    keys.push(keyIn(put.stdout))
  }
  const got = await b.run(['get', ...keys, '--output-dir', b.place.file('out')])
  t.is(got.exit, 0, got.stderr)
  for (const [index, key] of keys.entries()) {
    const bytes = readFileSync(b.place.file(`out/${key}`))
    sameBytes(t, bytes, values[index]!, `${SIZES[index]} bytes from stdin`)
  }
})

test('80 MB pass through Locals whose caches are far smaller, from file and from stdin', async (t) => {
  const { a, b } = await nodes()
  const path = a.place.file('large')
  const expected = await writeRandomFile(path, 80_000_000)
  const put = await a.run(['put', path])
  t.is(put.exit, 0, put.stderr)
  const key = keyIn(put.stdout)
  const out = b.place.file('copy')
  const got = await b.run(['get', key, '-o', out])
  t.is(got.exit, 0, got.stderr)
  t.is(await digestOf(out), expected)

  await a.run(['rm', key])
  const file = await open(path)
  const stdin = a.place.start(['put', '-'])
  stdin.stdin!.on('error', () => undefined)
  file.createReadStream({ highWaterMark: 1_000_000 }).pipe(stdin.stdin!)
  const chunks: Buffer[] = []
  for await (const piece of stdin.stdout!) chunks.push(piece as Buffer)
  t.is(keyIn(Buffer.concat(chunks)), key, 'the same bytes have the same key')
  const again = await b.run(['get', key, '-o', out])
  t.is(again.exit, 0, again.stderr)
  t.is(await digestOf(out), expected)
})

test('R005-52 links and modes that change all the time end neither a put nor a cid', async (t) => {
  const { global, a } = await nodes()
  const path = a.place.file('linked')
  await writeRandomFile(path, PARALLEL_HASH_BYTES + 1)
  const link = `${path}.link`
  let changes = 0
  const timer = setInterval(() => {
    chmodSync(path, changes++ % 2 === 0 ? 0o600 : 0o640)
    linkSync(path, link)
    unlinkSync(link)
  }, 3)
  t.teardown(() => clearInterval(timer))
  const keys = new Set<string>()
  for (const [node, command] of [
    [a, 'cid'],
    [a, 'put'],
    [global, 'put'],
  ] as const) {
    const before = changes
    const { exit, stdout, stderr } = await node.run([command, path])
    t.is(exit, 0, stderr)
    t.true(changes > before)
    keys.add(keyIn(stdout))
  }
  t.is(keys.size, 1)
  await a.run(['rm', ...keys])
})

test('R005-51 a file of the system that states no size passes from one Local to the other', async (t) => {
  const { a, b } = await nodes()
  const path = '/proc/kallsyms'
  if (!existsSync(path)) return t.pass()
  const put = await a.run(['put', path])
  t.is(put.exit, 0, put.stderr)
  sameBytes(t, (await b.run(['get', keyIn(put.stdout)])).stdout, readFileSync(path))
  return undefined
})

test('a second get moves nothing over the network, and works with Global gone', async (t) => {
  const { global, a, b, restart } = await nodes()
  const large = randomBytes(3_000_000)
  writeFileSync(a.place.file('value'), large)
  const key = keyIn((await a.run(['put', a.place.file('value')])).stdout)
  const unknown = keyIn((await a.run(['cid', '-'], 'never stored')).stdout)

  const atFirst = await b.bytesIn()
  sameBytes(t, (await b.run(['get', key])).stdout, large)
  const before = await b.bytesIn()
  t.true(before - atFirst >= large.byteLength)
  sameBytes(t, (await b.run(['get', key])).stdout, large)
  t.is(await b.bytesIn(), before)

  const absent = await b.run(['get', unknown])
  t.is(absent.exit, 3, absent.stderr)

  t.teardown(restart)
  await global.signal('SIGKILL')
  t.true(await eventually(isAway(b)))
  sameBytes(t, (await b.run(['get', key])).stdout, large)
  t.is((await b.run(['has', key])).exit, 0)
  const away = await b.run(['get', unknown, '--timeout', '5s'])
  t.is(away.exit, 5, away.stderr)
  t.is((await b.run(['has', unknown, '--timeout', '5s'])).exit, 5)
  t.is(away.stderr.trim().split('\n')[0]!.startsWith('dstore: '), true)
})

test('fifty gets of one value at a cold Local cause one fetch', async (t) => {
  const { a, b } = await nodes()
  t.true(await eventually(isConnected(b)))
  const value = randomBytes(8_000_000)
  writeFileSync(a.place.file('value'), value)
  const key = keyIn((await a.run(['put', a.place.file('value')])).stdout)
  const before = await b.bytesIn()
  // Clients of this process, as fifty commands would take longer to start than one fetch takes.
  const get = (): Promise<boolean> =>
    b.ask(async (client) => {
      let at = 0
      for await (const piece of (await client.get(key)).bytes) {
        if (Buffer.compare(piece, value.subarray(at, (at += piece.byteLength))) !== 0) return false
      }
      return at === value.byteLength
    })
  const gets = await Promise.all(Array.from({ length: 50 }, get))
  t.deepEqual(new Set(gets), new Set([true]))
  // Pairs are 0.4 % of the value, and those above a range come again with each range.
  const proof = 0.005 * value.byteLength
  const moved = (await b.bytesIn()) - before
  t.true(moved <= value.byteLength + proof, `${moved} bytes for ${value.byteLength}`)
  t.true(moved >= value.byteLength)
})

test('a Local comes back by itself when Global does, and finds what was put', async (t) => {
  const fixture = await nodes()
  const { global, a, b: local, restart } = fixture
  const value = randomBytes(100_000)
  const key = keyIn((await global.run(['put', '-'], value)).stdout)
  await global.signal('SIGKILL')
  try {
    t.true(await eventually(isAway(local)))
  } finally {
    await restart()
  }
  t.is(fixture.global.address, global.address, 'flags and address are remembered')
  t.true(await eventually(isConnected(local)))
  sameBytes(t, (await local.run(['get', key])).stdout, value, 'durable, and fetched')
  t.true(await eventually(isConnected(a)), 'and the other Local, which the next test puts at')
})

test('a range moves its own groups only', async (t) => {
  const { a, b } = await nodes()
  const value = randomBytes(10_000_000)
  const key = keyIn((await a.run(['put', '-'], value)).stdout)
  const before = await b.bytesIn()
  const got = await b.run(['get', key, '--range', '5000000-5000099'])
  sameBytes(t, got.stdout, value.subarray(5_000_000, 5_000_100))
  t.true((await b.bytesIn()) - before < 40_000)
  t.is((await b.run(['get', key, '--range', '10000000-'])).exit, 7)
  t.is((await b.run(['get', key, '--range', '9-5'])).exit, 2)
})

test('a Local that is told a wrong Global says so and does not start', async (t) => {
  const { global, a } = await nodes()
  const other = await Daemon.start(t, ['--global'])
  const impostor = `${global.address.split('/p2p/')[0]!}/p2p/${other.address.split('/p2p/')[1]!}`
  const place = new Place(t)
  const refused = await place.run(['daemon', '--join', impostor])
  t.is(refused.exit, 5, refused.stderr)
  t.is(refused.stderr.split('\n').filter((line) => line.startsWith('dstore: ')).length, 1)
  t.is((await place.run(['daemon', '--join', global.address.split('/p2p/')[0]!])).exit, 2)
  t.is((await a.status()).global?.state, 'connected')
})

test('what fails leaves the output as it was, and no key', async (t) => {
  const { global, a, b } = await nodes()
  const listed = (await b.run(['ls', '--keys'])).stdout.toString()
  const out = b.place.file('old')
  writeFileSync(out, 'as it was')
  const unknown = keyIn((await a.run(['cid', '-'], 'unknown')).stdout)
  t.is((await b.run(['get', unknown, '-o', out])).exit, 3)
  t.is(readFileSync(out, 'utf8'), 'as it was')
  t.is((await b.run(['get', unknown, '-o', b.place.file('new')])).exit, 3)
  t.false(existsSync(b.place.file('new')))
  const before = await global.bytesIn()
  const stopped = a.place.start(['put', '-'])
  stopped.stdin!.on('error', () => undefined)
  stopped.stdin!.write(randomBytes(200_000))
  t.true(await eventually(async () => (await global.bytesIn()) > before))
  stopped.kill('SIGKILL')
  t.is((await b.run(['ls', '--keys'])).stdout.toString(), listed)
})

async function writeRandomFile(path: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'w')
  for (let at = 0; at < size; at += 1_000_000) {
    const piece = randomBytes(Math.min(1_000_000, size - at))
    hash.update(piece)
    await file.write(piece)
  }
  await file.close()
  return hash.digest('hex')
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  return hash.digest('hex')
}
