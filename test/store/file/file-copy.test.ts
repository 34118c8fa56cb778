/** Faults of the system in the middle of a copy by threads. */
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { EARLY_SYNC_BYTES, GROUP_BYTES, MIB } from '../../../src/limits.ts'
import { hashInThreads } from '../../../src/store/file/file-hash-threads.ts'
import { pattern } from '../../hash/sizes.ts'
import { inTemporary } from '../temporary.ts'

test('R005-67: a write that the system refuses is thrown with its code, and no thread writes on', async (t) => {
  await inTemporary(async (directory) => {
    const path = join(directory, 'file')
    await writeFile(path, pattern(5 * MIB))
    const [from, to] = [await open(path), await open(path)]
    const work = { name: path, size: 5 * MIB, groupBytes: GROUP_BYTES }
    const rest = { signal: undefined, onProgress: undefined }
    // It was opened for reading only.
    const target = { fd: to.fd, sync: () => to.datasync() }
    const copy = hashInThreads({ ...work, ...rest, fd: from.fd, target })
    await t.throwsAsync(copy, { code: 'EBADF' })
    for (const file of [from, to]) await file.close()
  })
})

test('R005-32, R005-67: an early sync that fails is not lost', async (t) => {
  await inTemporary(async (directory) => {
    const path = join(directory, 'file')
    const size = EARLY_SYNC_BYTES + 4 * MIB
    await writeFile(path, Buffer.alloc(size, 7))
    const [from, to] = [await open(path), await open(`${path}.copy`, 'w')]
    const work = { fd: from.fd, name: path, size, groupBytes: GROUP_BYTES }
    const rest = { signal: undefined, onProgress: undefined }
    let syncs = 0
    const sync = async (): Promise<void> => {
      syncs++
      throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const copy = hashInThreads({ ...work, ...rest, target: { fd: to.fd, sync } })
    await t.throwsAsync(copy, { code: 'EIO' })
    t.is(syncs, 1)
    for (const file of [from, to]) await file.close()
  })
})
