import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { nodeFiles } from '../../../src/store/disk/files.ts'
import { Layout } from '../../../src/store/disk/layout.ts'
import { ValueReaders } from '../../../src/store/disk/value-reader.ts'

test('R007-184 the release of a value waits until its file is given back', async (t) => {
  const readers = new ValueReaders(nodeFiles, new Layout('/nowhere'))
  const lent = readers.lend('1-1', '1-1')
  const other = readers.lend('1-2', '1-2')
  let isReleased = false
  const released = readers.end('1-1', new DstoreError('removed', 'it was removed')).then(() => {
    isReleased = true
    return undefined
  })
  t.is((lent.signal.reason as DstoreError).code, 'removed')
  t.false(other.signal.aborted)
  await new Promise(setImmediate)
  t.false(isReleased)
  lent.giveBack()
  await released
  await readers.end('1-1', new DstoreError('removed', 'nothing is lent any more'))
  other.giveBack()
})
