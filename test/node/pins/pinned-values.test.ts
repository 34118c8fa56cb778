/** What a pin says of a value that the cache does not keep. */
import { DstoreError } from '../../../src/errors.ts'
import { PinnedValues } from '../../../src/node/pins/pinned-values.ts'
import { test } from '../../serial.ts'
import { keyOfNumber } from './fake-host.ts'

const key = keyOfNumber(1, 10)
const id = key.toHex()
const { signal } = new AbortController()

test('R007-378 a value that has no room fails with what its fetch said', async (t) => {
  let fetches = 0
  const fetch = async (): Promise<void> => {
    fetches++
    throw new DstoreError('no-space', 'no room', { hint: 'make some' })
  }
  const host = { fetch, held: () => undefined, chargeOf: (size: number) => size, budgetBytes: 100 }
  const values = new PinnedValues(host)
  values.reserve(new Map([[id, { key, size: 10 }]]))
  const expected = { code: 'no-space', message: 'no room' } as never
  const error = await t.throwsAsync(values.ensure(id, { signal }), expected)
  t.is((error as DstoreError).hint, 'make some')
  t.true(fetches > 1)
})
