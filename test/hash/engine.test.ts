import { readFileSync } from 'node:fs'
import test from 'ava'
import * as fc from 'fast-check'
import { chooseEngine, engine } from '../../src/hash/active-engine.ts'
import { hash } from '../../src/hash/hasher.ts'
import { KernelEngine } from '../../src/hash/kernel-engine.ts'
import { KERNEL_BASE64 } from '../../src/hash/kernel-bytes.ts'
import { emitKernel, kernelSource } from '../../src/hash/kernel/emit.ts'
import { ScalarEngine } from '../../src/hash/scalar-engine.ts'
import { pattern } from './sizes.ts'

test('R002-4: the committed kernel is what its generator emits', (t) => {
  t.is(Buffer.from(emitKernel()).toString('base64'), KERNEL_BASE64)
  const source = new URL('../../../src/hash/kernel-bytes.ts', import.meta.url)
  t.is(readFileSync(source, 'utf8'), kernelSource())
})

test('R002-4: on this machine the kernel passes its proof and is used', (t) => {
  t.is(engine().name, 'wasm-simd')
})

/** A kernel that is right but for one of its operations, and there only in the last bit. */
function broken(operation: 'subtree' | 'groups' | 'parent'): KernelEngine {
  const kernel = new KernelEngine()
  const right = kernel[operation].bind(kernel) as (...args: unknown[]) => void
  const wrong = (...args: unknown[]): void => {
    right(...args)
    const [out, offset] = args.slice(-2) as [Uint8Array, number]
    out[offset + 31]! ^= 1
  }
  return Object.assign(kernel, { [operation]: wrong })
}

for (const operation of ['subtree', 'groups', 'parent'] as const) {
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
