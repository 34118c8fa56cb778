/** Puts that begin while Global is there, and lose it before it has taken a byte. */
import { test } from '../../serial.ts'
import type { ExecutionContext } from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once, toHex } from '../../../src/bytes.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { PutResult } from '../../../src/node/node.ts'
import { pattern } from '../../hash/sizes.ts'
import { sample } from '../../transfer/ends.ts'
import { FakeLocal } from './fake-local.ts'

const away = (): DstoreError => new DstoreError('unreachable', 'Global has been silent for 10 s')

interface Putting {
  readonly fake: FakeLocal
  readonly put: (options?: { timeoutMs?: number; signal?: AbortSignal }) => Promise<PutResult>
}

/** A file of each size that is put in its own way. */
function putting(t: ExecutionContext): readonly Putting[] {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return [1000, 300_000].map((size) => {
    const value = sample(pattern(size))
    const path = join(folder, `${size}`)
    writeFileSync(path, value.bytes)
    const fake = new FakeLocal(value)
    return { fake, put: (options) => fake.local.put({ path }, options) }
  })
}

test('R003-46: a put that loses Global before its first byte asks again until it returns', async (t) => {
  for (const { fake, put } of putting(t)) {
    let asks = 0
    fake.onAsk = () => {
      if (++asks <= 3) throw away()
    }
    t.is((await put()).size, fake.host.value.size)
    t.is(asks, 4)
  }
})

test('R004-125: small values have an operation each, the same when they are put once more', async (t) => {
  const values = [1, 2, 3].map((n) => Uint8Array.of(n))
  const fake = new FakeLocal(sample(pattern(10)))
  const { local } = fake
  const ways: readonly [number, () => Promise<unknown>][] = [
    [3, () => local.putMany(values)],
    [1, () => local.put({ bytes: once(values[0]!) })],
    [0, () => local.putMany(values, { hold: 'ab'.repeat(16) })],
  ]
  const seen = new Set<string>()
  for (const [count, put] of ways) {
    fake.asked.length = 0
    let asks = 0
    fake.onAsk = () => {
      if (++asks === 1) throw away()
    }
    await put()
    const [first = [], again = []] = fake.asked.map((one) =>
      one.type === 'put' ? (one.operations ?? []).map(toHex) : [],
    )
    t.is(asks, 2)
    t.is(first.length, count)
    t.deepEqual(again, first)
    for (const id of first) seen.add(id)
  }
  t.is(seen.size, 4)
})

test('R003-46: a put that finds no Global fails at once', async (t) => {
  for (const { fake, put } of putting(t)) {
    let asks = 0
    fake.status.state = 'away'
    fake.onAsk = () => {
      asks++
      throw away()
    }
    await t.throwsAsync(put(), { code: 'unreachable', message: away().message })
    t.is(asks, 1)
  }
})

test('R003-46: a put waits for Global no longer than its caller', async (t) => {
  for (const { fake, put } of putting(t)) {
    fake.onAsk = () => {
      throw away()
    }
    const begun = performance.now()
    const thrown = await t.throwsAsync(put({ timeoutMs: 500 }))
    t.true(['timeout', 'unreachable'].includes((thrown as DstoreError).code), `${thrown}`)
    t.true(performance.now() - begun < 10_000)
    const stop = new AbortController()
    fake.onAsk = () => {
      stop.abort()
      throw away()
    }
    await t.throwsAsync(put({ signal: stop.signal }), { code: 'cancelled' })
  }
})

test('R003-46: a refusal before the first byte is not asked for again', async (t) => {
  for (const { fake, put } of putting(t)) {
    let asks = 0
    fake.onAsk = () => {
      asks++
      throw new DstoreError('conflict', 'the name is bound')
    }
    await t.throwsAsync(put(), { code: 'conflict' })
    t.is(asks, 1)
  }
})
