import { toHex } from '../../../src/bytes.ts'
import { OperationIds } from '../../../src/index/local/operation-ids.ts'
import { SETTLED_RANGES } from '../../../src/limits.ts'
import { test } from '../../serial.ts'

const BOOT = new Uint8Array(16).fill(0xab)

/** The numbers of ranges, as `first+count`. */
const told = (ids: OperationIds): string[] =>
  ids.takeSettled().map(({ first, count }) => `${Number(`0x${toHex(first.slice(8))}`)}+${count}`)

test('R004-132: a Local tells of the operations that have ended, as ranges, and of each once', async (t) => {
  const ids = new OperationIds(BOOT)
  const ends: (() => void)[] = []
  const seen: string[] = []
  const work = Array.from({ length: 6 }, (_, i) =>
    ids.run(async (id) => {
      seen.push(toHex(id))
      await new Promise<void>((resolve) => ends.push(resolve))
      if (i === 3) throw new Error('it failed')
    }),
  )
  t.is(new Set(seen).size, 6)
  t.true(seen.every((id) => id.length === 32 && id.startsWith('ab'.repeat(8))))
  t.deepEqual(told(ids), [])
  for (const i of [4, 0, 1]) ends[i]!()
  await Promise.all([work[4], work[0], work[1]])
  t.deepEqual(told(ids), ['1+2', '5+1'])
  t.deepEqual(told(ids), [])
  for (const i of [2, 3, 5]) ends[i]!()
  t.is((await Promise.allSettled(work)).filter(({ status }) => status === 'rejected').length, 1)
  t.deepEqual(told(ids), ['3+2', '6+1'], 'what failed is not repeated either')
})

test('R004-132: more ranges than a message takes follow with the next', async (t) => {
  const ids = new OperationIds(BOOT)
  const open: (() => void)[] = []
  const work: Promise<void>[] = []
  for (let i = 0; i < 2 * SETTLED_RANGES + 2; i++) {
    const done = ids.run(() =>
      i % 2 === 0 ? Promise.resolve() : new Promise<void>((resolve) => open.push(resolve)),
    )
    if (i % 2 === 0) await done
    else work.push(done)
  }
  t.is(told(ids).length, SETTLED_RANGES)
  t.deepEqual(told(ids), [`${2 * SETTLED_RANGES + 1}+1`])
  for (const end of open) end()
  await Promise.all(work)
  t.is(told(ids).length, SETTLED_RANGES)
})
