/** Replicas that are built from a snapshot. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { discardReplica, loadReplica } from '../../../../src/archive/replica.ts'
import { SILENT } from '../../../../src/log.ts'
import { type Files, nodeFiles } from '../../../../src/store/disk/files.ts'
import { openFollower } from '../../../../src/store/disk/follower/follower.ts'
import { FoundFiles } from '../../../../src/store/disk/archived/opening.ts'
import { Layout, makeLocation } from '../../../../src/store/disk/layout.ts'
import { test } from '../../../serial.ts'
import { Archived } from '../../../archive/snapshots/tools.ts'
import { inTemporary } from '../../temporary.ts'

const { signal } = new AbortController()

test('R005-138: a replica that is built gets its name when it is whole, wherever that is interrupted', async (t) => {
  const archived = await Archived.make()
  await archived.append(20)
  const { position } = await archived.take()
  const objects = archived.client('loader')
  await inTemporary(async (directory) => {
    await (await openFollower({ directory })).close()
    let calls = 0
    for (let failsAt = 1; ; failsAt++) {
      calls = 0
      const failing =
        (name: keyof Files) =>
        async (...args: unknown[]) => {
          if (++calls === failsAt) throw Object.assign(new Error('EIO: the disk'), { code: 'EIO' })
          return (nodeFiles[name] as (...given: unknown[]) => unknown)(...args)
        }
      const files = {
        ...nodeFiles,
        makeDirectory: failing('makeDirectory'),
        create: failing('create'),
        rename: failing('rename'),
        syncDirectory: failing('syncDirectory'),
      } as unknown as Files
      const loading = loadReplica({ objects, directory, files, log: SILENT, signal })
      const isDone = await loading.then(
        () => true,
        () => false,
      )
      const follower = await openFollower({ directory })
      const own = follower.position.position
      await follower.close()
      t.true(own === 0 || own === position, `${own} after ${failsAt} calls`)
      if (isDone) {
        t.is(own, position)
        break
      }
      if (own === position) await discardReplica(directory)
    }
    t.true(calls > 6)
    t.deepEqual(await readdir(directory), ['store-v3'])
  })
  await archived.close()
})

test('R005-139: files of values that the folder does not list are not asked for', async (t) => {
  const asked: string[] = []
  const size = async (path: string): Promise<number | undefined> => {
    asked.push(path)
    return 100
  }
  const layout = new Layout('/nowhere')
  const [here, away] = [makeLocation(1, 1), makeLocation(1, 2)]
  const values = { has: () => true }
  const files = { ...nodeFiles, size, writtenAt: async () => 0 }
  const found = new FoundFiles(files, layout, values, new Set([here]))
  for (const file of [here, away]) {
    const value = { size: 100, outboardBytes: 0, file, small: undefined, place: 'records' } as const
    t.true(await found.check(value))
  }
  t.deepEqual([...new Set(asked)], [join(layout.values, here)])
  t.deepEqual(
    found.found.map(({ file }) => file),
    [here],
  )
})
