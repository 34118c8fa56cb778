import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { test } from '../../serial.ts'
import { asDstoreError } from '../../../src/errors.ts'
import { DirectoryValues } from '../../../src/tree/put/directory-values.ts'
import { folderOf } from '../folder.ts'

test('R008-25 directory values beyond a bound wait in a file without a name', (t) => {
  const folder = folderOf(t, {})
  const values = new DirectoryValues(1000, folder)
  const all = Array.from({ length: 20 }, (_, one) => randomBytes(one * 37))
  const kept = all.map((bytes) => values.keep(bytes))
  t.is(kept.filter((one) => one instanceof Uint8Array).length < 10, true)
  t.deepEqual(readdirSync(folder), [])
  for (const [index, bytes] of all.entries()) {
    t.true(bytes.equals(values.read(kept[index]!)), String(index))
  }
  values.close()
  const error = t.throws(() => new DirectoryValues(0, `${folder}/none`).keep(randomBytes(1)))
  t.is(asDstoreError(error).code, 'unwritable')
})
