/** Files of a Local are full of what callers hold: other values are served all the same. */
import { test } from '../../serial.ts'
import { sameBytes } from '../../same-bytes.ts'
import { MIB } from '../../../src/limits.ts'
import { openPath } from '../../faults/files/opened-path.ts'
import { bytesOf, putRandom } from '../../faults/files/values.ts'
import { network } from '../nodes.ts'

test('R003-160: a value whose path was refused for want of room is kept in memory when it is read', async (t) => {
  const { global, locals } = await network(t, 1, {
    local: ['--cache', '12MiB', '--cache-dir', 'files', '--cache-dir-size', '5MiB'],
  })
  const local = locals[0]!
  const [held, other] = [await putRandom(global, 3 * MIB), await putRandom(global, 3 * MIB)]
  const opened = await openPath(local, held.key)
  await t.throwsAsync(openPath(local, other.key), { message: /^no-space: / })
  sameBytes(t, await bytesOf(local, other.key), other.bytes)
  const before = await local.bytesIn()
  sameBytes(t, await bytesOf(local, other.key), other.bytes)
  t.is(await local.bytesIn(), before, 'it is fetched once')
  opened.close()
  // The room of what is held no longer goes to the next, which takes its bytes out of memory.
  const next = await openPath(local, other.key)
  t.is(await local.bytesIn(), before, 'and moved')
  next.close()
})
