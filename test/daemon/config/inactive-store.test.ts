/** Which stores a node must not become a Local beside, without being told to. */
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { refuseToHide } from '../../../src/daemon/config/inactive-store.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { test } from '../../serial.ts'
import { keep, pattern } from '../../store/conformance/suite.ts'
import { copyOf } from '../../store/disk/copy.ts'
import { inTemporary } from '../../store/temporary.ts'

test('R007-146 a store is not hidden that was served after a Local, if only its journal has changed since', async (t) => {
  await inTemporary(async (directory) => {
    const first = await openDiskStore({ directory })
    await first.close()
    const local = join(directory, 'global.json')
    await writeFile(local, '')
    await t.notThrowsAsync(refuseToHide(directory))
    // LMDB never gets what this one puts.
    const store = await openDiskStore({ directory }, { after: () => () => undefined })
    await keep(store, pattern(100))
    const killed = `${directory}-killed`
    await copyOf(directory, killed)
    await store.close()
    const hidden = { code: 'conflict', message: /has a store with 1 value/ }
    await t.throwsAsync(refuseToHide(killed), hidden)
    await utimes(join(killed, 'global.json'), new Date(), new Date(Date.now() + 60_000))
    await t.notThrowsAsync(refuseToHide(killed), 'a Local was here since')
  })
})
