import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openDiskStore } from '../../src/store/disk.ts'
import { type Harness, storeSuite } from './conformance.ts'

storeSuite({
  test,
  name: 'disk',
  supports: { durable: true },
  create: async (options): Promise<Harness> => {
    const directory = await mkdtemp(join(tmpdir(), 'dstore-test-'))
    const open = (): ReturnType<typeof openDiskStore> => openDiskStore({ directory, ...options })
    let current = await open()
    return {
      store: current,
      reopen: async () => {
        await current.close()
        return (current = await open())
      },
      destroy: async () => {
        await current.close()
        await rm(directory, { recursive: true })
      },
    }
  },
})
