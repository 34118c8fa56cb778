import { readFileSync } from 'node:fs'
import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { equal } from '../../../src/bytes.ts'
import { chooseEngine, engine } from '../../../src/hash/engine/active-engine.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { KernelEngine } from '../../../src/hash/engine/kernel-engine.ts'
import { KERNEL_BASE64 } from '../../../src/hash/engine/kernel-bytes.ts'
import { emitKernel, kernelSource } from '../../../src/hash/engine/kernel/emit.ts'
import { ScalarEngine } from '../../../src/hash/engine/scalar-engine.ts'
import { PAIR_BYTES } from '../../../src/hash/tree/tree.ts'
import { CHUNK_BYTES, DIGEST_BYTES, HASH_WINDOW_BYTES } from '../../../src/limits.ts'
import { ENGINES } from './engines.ts'
import { pattern } from '../sizes.ts'

test('R002-4: the committed kernel is what its generator emits', (t) => {
  t.is(Buffer.from(emitKernel()).toString('base64'), KERNEL_BASE64)
  const source = new URL('../../../../src/hash/engine/kernel-bytes.ts', import.meta.url)
  t.is(readFileSync(source, 'utf8'), kernelSource())
})

test('R002-4: on this machine the kernel passes its proof, and is used where there is no addon', (t) => {
  t.is(chooseEngine(() => new KernelEngine()).name, 'wasm-simd')
  const { name, refused } = engine()
  t.is(refused, undefined)
  t.is(name, ENGINES.some((one) => one.name === 'native') ? 'native' : 'wasm-simd')
})

/** A kernel that is right but for one of its operations, and there only in the last bit. */
function broken(operation: 'subtree' | 'groups' | 'parent' | 'parents'): KernelEngine {
  const kernel = new KernelEngine()
  const right = kernel[operation].bind(kernel) as (...args: unknown[]) => void
  const wrong = (...args: unknown[]): void => {
    right(...args)
    const out = args.findLast((arg) => arg instanceof Uint8Array)!
    const last = args.at(-1)
    out[(typeof last === 'number' ? last : 0) + 31]! ^= 1
  }
  return Object.assign(kernel, { [operation]: wrong })
}

for (const operation of ['subtree', 'groups', 'parent', 'parents'] as const) {
  test(`R002-4: a kernel whose ${operation} is wrong names no value: the fallback does, and says so`, (t) => {
    const choice = chooseEngine(() => broken(operation))
    t.is(choice.name, 'typescript')
    t.regex(choice.reason, /wrong on this machine/)
    t.deepEqual(hash(pattern(5000), { engine: choice.engine }), hash(pattern(5000)))
  })
}

test('R002-4: where the kernel does not run the fallback does, and says so', (t) => {
  const choice = chooseEngine(() => {
    throw new Error('no SIMD')
  })
  t.is(choice.name, 'typescript')
  t.is(choice.reason, 'the fast kernel does not run here (no SIMD)')
})

test('R002-4: both engines agree on any subtree at any chunk, also beyond 2^32 of them', (t) => {
  const kernel = new KernelEngine()
  const scalar = new ScalarEngine()
  const input = fc.record({
    length: fc.oneof(fc.nat(2048), fc.nat(262_144)),
    seed: fc.nat(255),
    chunk: fc.oneof(fc.nat(1000), fc.constantFrom(2 ** 31, 2 ** 32 - 2, 2 ** 32, 2 ** 43 - 256)),
    root: fc.boolean(),
  })
  fc.assert(
    fc.property(input, ({ length, seed, chunk, root }) => {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * seed) >> 4)
      const [a, b] = [new Uint8Array(40), new Uint8Array(40)]
      kernel.subtree(bytes, chunk, root, a, 4)
      scalar.subtree(bytes, chunk, root, b, 4)
      t.deepEqual(a, b)
    }),
    { numRuns: 200 },
  )
})

test('R002-4: both engines agree on groups of every size, and on parents', (t) => {
  const kernel = new KernelEngine()
  const scalar = new ScalarEngine()
  const input = fc.record({
    log: fc.integer({ min: 10, max: 18 }),
    count: fc.integer({ min: 1, max: 256 }),
    chunk: fc.constantFrom(0, 2 ** 32 - 256, 2 ** 40),
    root: fc.boolean(),
  })
  fc.assert(
    fc.property(input, ({ log, count, chunk, root }) => {
      const groups = Math.min(count, 2 ** (18 - log))
      const bytes = pattern(groups * 2 ** log)
      const [a, b] = [new Uint8Array(groups * 32 + 40), new Uint8Array(groups * 32 + 40)]
      for (const [engine, out] of [[kernel, a] as const, [scalar, b] as const]) {
        engine.groups([bytes], chunk, 2 ** log, out, 8)
        engine.parent(bytes, 960, root, out, 4)
      }
      t.deepEqual(a, b)
    }),
    { numRuns: 100 },
  )
})

/** As many pairs as one call of the kernel takes. */
const BATCH = (HASH_WINDOW_BYTES / CHUNK_BYTES) * (DIGEST_BYTES / PAIR_BYTES)

for (const engine of ENGINES) {
  test(`R002-4: the parents of many pairs are those of each, with ${engine.name}`, (t) => {
    const few = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    const batches = [1, 2, 3].flatMap((n) => [n * BATCH - 1, n * BATCH, n * BATCH + 1])
    for (const count of [...few, 95, 96, ...batches, 3 * BATCH + 2]) {
      // Within larger arrays, as in a proof: nothing around them is read or written.
      const pairs = pattern(count * PAIR_BYTES + 13).subarray(8, 8 + count * PAIR_BYTES)
      const out = new Uint8Array(count * DIGEST_BYTES + 40).fill(7)
      const one = out.slice()
      for (let i = 0; i < count; i++) {
        engine.parent(pairs, i * PAIR_BYTES, false, one, i * DIGEST_BYTES)
      }
      const before = pairs.slice()
      engine.parents(pairs, out)
      t.deepEqual(out, one)
      t.deepEqual(pairs, before)
    }
  })
}

test('R002-4: both engines agree on the parents of any pairs, whatever they did before', (t) => {
  const [kernel, scalar] = [new KernelEngine(), new ScalarEngine()]
  const random = fc.uint8Array({ minLength: PAIR_BYTES, maxLength: 40 * PAIR_BYTES })
  fc.assert(
    fc.property(random, fc.nat(HASH_WINDOW_BYTES), (bytes, length) => {
      const pairs = bytes.subarray(0, bytes.byteLength - (bytes.byteLength % PAIR_BYTES))
      const [a, b] = [new Uint8Array(40 * DIGEST_BYTES), new Uint8Array(40 * DIGEST_BYTES)]
      kernel.subtree(pattern(length), 0, false, a, 0)
      kernel.parents(pairs, a)
      scalar.parents(pairs, b)
      return equal(a.subarray(0, pairs.byteLength / 2), b.subarray(0, pairs.byteLength / 2))
    }),
    { numRuns: 100 },
  )
  t.pass()
})
