/** The memory of a download, whatever its end. */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { GROUP_BYTES, MIB } from '../../../src/limits.ts'
import { type Interest } from '../../../src/node/swarm/download.ts'
import { eventually } from '../../eventually.ts'
import { pattern } from '../../hash/sizes.ts'
import { elsewhere } from '../../transfer/elsewhere.ts'
import { sample } from '../../transfer/ends.ts'
import { ALL, Case, LARGE, honest, read } from './download-case.ts'

const ENDS: Readonly<Record<string, (state: Case, interest: Interest) => void>> = {
  'that is removed': ({ value }) => value.drop(new DstoreError('removed', 'the value was removed')),
  'that nobody wants any more': (_, interest) => interest.leave(),
  'that is evicted, and then wanted by nobody': ({ value }, interest) => {
    value.detach()
    interest.leave()
  },
}

for (const [what, end] of Object.entries(ENDS)) {
  for (const checker of [undefined, elsewhere]) {
    const where = checker === undefined ? 'here' : 'elsewhere'
    test(`a value ${what} in the middle, proved ${where}, keeps no memory but what it holds`, async (t) => {
      const give = honest({ of: LARGE })
      const state = new Case({ G: give, a: give, b: give }, LARGE, checker)
      const { value, pool, download } = state
      const interest = download.join(ALL)
      while (value.held.count < 200) await interest.more()
      t.true(value.inUse)
      end(state, interest)
      t.is(state.ended, 1)
      t.false(value.inUse)
      const { memoryBytes } = value
      t.is(memoryBytes > 0, what === 'that nobody wants any more')
      // What is under way goes on for a moment.
      await eventually((saw) => {
        pool.trim(0)
        return saw(pool.bytes) === memoryBytes
      })
      t.is(value.memoryBytes, memoryBytes)
    })
  }
}

test('a value that was fetched from several, proved elsewhere, keeps no memory but its own', async (t) => {
  const give = honest({ of: LARGE })
  const other = sample(pattern(24 * MIB + 5).map((byte) => byte ^ 1))
  const lie = honest({ of: { ...other, digest: LARGE.digest } })
  const state = new Case({ G: give, a: give, liar: lie, b: give }, LARGE, elsewhere)
  const { value, pool } = state
  value.write(5 * GROUP_BYTES, LARGE.bytes.subarray(5 * GROUP_BYTES, 9 * GROUP_BYTES))
  await read(value, state.download.join(ALL), ALL, LARGE)
  t.true(value.held.complete)
  t.true(state.reported.every((name) => name === 'liar'))
  await eventually((saw) => {
    pool.trim(0)
    return saw(pool.bytes) === 25 * MIB
  })
})
