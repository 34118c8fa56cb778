/** The compiled addon: `npm run test:native` builds it and runs these. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ExecutionContext } from 'ava'
import * as fc from 'fast-check'
import { equal } from '../../src/bytes.ts'
import { chooseEngine, engine } from '../../src/hash/engine/active-engine.ts'
import { KernelEngine } from '../../src/hash/engine/kernel-engine.ts'
import { checksumPath } from '../../src/hash/engine/native/addon-paths.ts'
import type { Addon } from '../../src/hash/engine/native/addon.ts'
import { checksumOf, loadAddon } from '../../src/hash/engine/native/addon.ts'
import { openFirst } from '../../src/hash/engine/native/open-native.ts'
import { hashSubtree } from '../../src/hash/engine/subtree.ts'
import { hash } from '../../src/hash/hasher.ts'
import { GROUP_BYTES, MIB } from '../../src/limits.ts'
import { hashFile } from '../../src/store/file/file-hasher.ts'
import { ADDON } from '../../tools/native.ts'
import { Place } from '../cli/command.ts'
import { pattern } from '../hash/sizes.ts'
import { test } from '../serial.ts'

const kernel = new KernelEngine()
const addon: Addon = loadAddon(ADDON)!

/** A copy of the addon with other bytes, and their checksum unless `sum` is another's. */
function copyOf(t: ExecutionContext, bytes: Uint8Array, sum = checksumOf(bytes)): string {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-native-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'addon.node')
  writeFileSync(path, bytes)
  writeFileSync(checksumPath(path), `${sum}  addon.node\n`)
  return path
}

const choose = (path: string): ReturnType<typeof chooseEngine> =>
  chooseEngine(
    () => new KernelEngine(),
    (proved) => openFirst([path], proved, true),
  )

test('R002-19: the addon passes its test, and hashes in this process', (t) => {
  t.is(engine().name, 'native')
  t.is(engine().reason, `the addon ${ADDON} agrees with the reference on this machine`)
})

test('R002-19: a compiled addon that was cut short ends no process: it is refused', (t) => {
  const whole = readFileSync(ADDON)
  const sum = checksumOf(whole)
  for (const length of [0, 1, 64, 4096, whole.length >> 1, whole.length - 4096, whole.length - 1]) {
    const { name, refused } = choose(copyOf(t, whole.subarray(0, length), sum))
    t.is(name, 'wasm-simd')
    t.regex(refused!, /its checksum is another/)
  }
})

test('R002-19: a file that the system does not load is refused in one line', (t) => {
  for (const bytes of [Buffer.from('no library'), Buffer.from('\x7fELF')]) {
    const { name, refused } = choose(copyOf(t, bytes))
    t.is(name, 'wasm-simd')
    t.regex(refused!, /^the native hash addon .*\/addon\.node is not used: [^\n]+$/)
  }
})

test('R002-19: a compiled addon that computes another hash is refused', (t) => {
  const bytes = Buffer.from(readFileSync(ADDON))
  // Each copy of the initial chaining value, by its fourth and fifth word.
  const words = Buffer.from('3af54fa57f520e51', 'hex')
  let found = 0
  for (let at = bytes.indexOf(words); at >= 0; at = bytes.indexOf(words, at + 1)) {
    bytes[at]! ^= 1
    found++
  }
  t.true(found > 0)
  const { name, refused, engine: chosen } = choose(copyOf(t, bytes))
  t.is(name, 'wasm-simd')
  t.regex(refused!, /is wrong on this machine/)
  t.deepEqual(
    hash(pattern(100_000), { engine: chosen }),
    hash(pattern(100_000), { engine: kernel }),
  )
})

test('R002-19: the addon agrees with the kernel on any subtree with its outboard', (t) => {
  const input = fc.record({
    size: fc.oneof(fc.nat(40_000), fc.nat(2 * MIB)),
    log: fc.integer({ min: 12, max: 18 }),
    chunk: fc.constantFrom(0, 2048, 2 ** 31, 2 ** 32 - 2048, 2 ** 32, 2 ** 42),
    seed: fc.nat(255),
  })
  fc.assert(
    fc.property(input, ({ size, log, chunk, seed }) => {
      const groupBytes = 2 ** log
      const bytes = Uint8Array.from({ length: size + 1 }, (_, i) => (i * seed) >> 4)
      const root = chunk === 0
      const expected = hashSubtree(bytes, chunk, root, groupBytes, kernel)
      if (bytes.length <= groupBytes) {
        const out = new Uint8Array(40)
        t.true(addon.subtree(bytes, chunk, root, out, 8))
        t.true(equal(out.subarray(8), expected.cv))
        return
      }
      const { cv, outboard } = expected
      const found = { cv: new Uint8Array(32), outboard: new Uint8Array(outboard.length) }
      t.true(addon.outboard(bytes, chunk, root, groupBytes, found.outboard, found.cv))
      t.true(equal(found.cv, cv))
      t.true(equal(found.outboard, outboard))
    }),
    { numRuns: 60 },
  )
})

test('R002-19: the addon reads shared memory, and parts of arrays', (t) => {
  const value = pattern(5 * GROUP_BYTES)
  const shared = new Uint8Array(new SharedArrayBuffer(value.length + 24), 8, value.length)
  shared.set(value)
  const expected = hash(value, { engine: kernel })
  const pairs = new Uint8Array(new SharedArrayBuffer(expected.outboard.length + 16), 16)
  const cv = new Uint8Array(32)
  t.true(addon.outboard(shared, 0, true, GROUP_BYTES, pairs, cv))
  t.deepEqual([cv, new Uint8Array(pairs)], [expected.digest, expected.outboard])
  // Output over input: the input is read first.
  t.true(addon.subtree(shared, 0, true, shared, 8))
  t.true(equal(new Uint8Array(shared.subarray(8, 40)), expected.digest))
})

test('R002-19: the addon refuses what is no subtree, has no room or is no byte array; it writes nothing', (t) => {
  const value = pattern(2 * GROUP_BYTES)
  const out = new Uint8Array(96).fill(7)
  const detached = new Uint8Array(4096)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const call = addon as unknown as Record<string, (...args: unknown[]) => boolean>
  const refused: readonly (readonly [name: 'subtree' | 'groups' | 'outboard', ...unknown[]])[] = [
    ['subtree'],
    ['subtree', value, 0, true, out],
    ['subtree', value, 1, false, out, 0], // no subtree of this length begins there
    ['subtree', value, 1, true, out, 0],
    ['subtree', new Uint8Array(0), 0, false, out, 0],
    ['subtree', detached, 0, false, out, 0],
    ['subtree', value, 0, true, out, 65],
    ['subtree', value, 0, true, out, -1],
    ['subtree', value, 0, true, out, 2 ** 53 - 1],
    ['subtree', value, 0, true, detached, 0],
    ...[-1, 0.5, NaN, Infinity, 2 ** 53, '0', null, undefined, 0n].map(
      (chunk) => ['subtree', value, chunk, false, out, 0] as const,
    ),
    ...[1, 'true', undefined].map((root) => ['subtree', value, 0, root, out, 0] as const),
    ...[[], 'value', new Uint16Array(9), new DataView(value.buffer), null].map(
      (bytes) => ['subtree', bytes, 0, true, out, 0] as const,
    ),
    ...[0, 1000, 1023, 5000, -4096].map((size) => ['groups', value, 0, size, out, 0] as const),
    ['groups', value, 0, 4096, out, 0], // eight groups, room for three
    ['groups', value, 2 ** 53 - 1, GROUP_BYTES, out, 0],
    ['outboard', value, 0, true, 4096, out, out],
    ['outboard', value, 0, true, GROUP_BYTES, out, new Uint8Array(31)],
    ['outboard', value, 0, true, GROUP_BYTES, new Uint8Array(63), out],
    ['outboard', value, 0, true, 2 * GROUP_BYTES, out, out], // one group has no parent
    ['outboard', value, 64, true, GROUP_BYTES, out, out],
  ]
  for (const [i, [name, ...args]] of refused.entries())
    t.false(call[name]!(...args), `${name} ${i}`)
  t.deepEqual(out, new Uint8Array(96).fill(7))
})

/** What the addon does in a thread that loads it by itself. */
const IN_THREAD = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.engine).then(async ({ engine }) => {
    const { hash } = await import(workerData.hasher)
    const digests = []
    for (let i = 0; i < 200; i++) digests.push(hash(new Uint8Array(20_000 + i)).digest)
    parentPort.postMessage({ name: engine().name, digests })
  })`

test('R002-19: threads load the addon at the same time, and end before others', async (t) => {
  const workerData = {
    engine: new URL('../../src/hash/engine/active-engine.js', import.meta.url).href,
    hasher: new URL('../../src/hash/hasher.js', import.meta.url).href,
  }
  const expected = Array.from(
    { length: 200 },
    (_, i) => hash(new Uint8Array(20_000 + i), { engine: kernel }).digest,
  )
  for (let round = 0; round < 2; round++) {
    const threads = Array.from(
      { length: 4 },
      () => new Worker(IN_THREAD, { eval: true, workerData, execArgv: [] }),
    )
    await Promise.all(
      threads.map(async (thread) => {
        const report = await new Promise((resolve, reject) => {
          thread.once('message', resolve).once('error', reject)
        })
        t.deepEqual(report, { name: 'native', digests: expected })
        await thread.terminate()
      }),
    )
  }
  t.is(hash(pattern(50_000)).size, 50_000)
})

test('R002-8, R002-19: threads hash a file with the addon', async (t) => {
  const value = pattern(5 * MIB + 12_345)
  const path = copyOf(t, value)
  const hashed = await hashFile(path, { parallelBytes: 0 })
  t.deepEqual(hashed, hash(value, { engine: kernel }))
})

test('R002-19: a daemon logs that it hashes with the addon, or in one line why not', async (t) => {
  const value = pattern(3 * MIB)
  const broken = copyOf(t, Buffer.from('no library'))
  for (const [choice, pattern, count] of [
    [ADDON, /"?hashing with native code/, 1],
    [broken, /the native hash addon .*\/addon\.node is not used/, 1],
    ['0', /nativ/, 0],
  ] as const) {
    const place = new Place(t)
    writeFileSync(place.file('value'), value)
    const env = { DSTORE_NATIVE: choice }
    const put = await place.run(['put', 'value'], { env })
    t.is(put.exit, 0, put.stderr)
    const got = await place.run(['get', put.stdout.toString().trim()], { env })
    t.true(equal(got.stdout, value))
    await place.run(['stop'], { env })
    const log = readFileSync(join(place.state, 'daemon.log'), 'utf8')
    t.is(log.split('\n').filter((line) => pattern.test(line)).length, count, log)
  }
})
