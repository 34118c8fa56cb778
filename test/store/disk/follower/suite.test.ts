import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import { openDiskStore } from '../../../../src/store/disk/disk.ts'
import type { Store } from '../../../../src/store/store.ts'
import { test } from '../../../serial.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { type Harness, storeSuite } from '../../conformance.ts'
import { lent, onlyJournal } from './only-journal.ts'

/** The store, without what only stores with a bucket say of their use. */
function plain(store: Store, hasQuota: boolean): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'usage') {
        return async () => {
          const { archived, ...usage } = await target.usage()
          const quotaBytes = archived!.budgetBytes
          if (!hasQuota) return { ...usage, headroomBytes: undefined }
          return { ...usage, ...(quotaBytes !== undefined && { quotaBytes }) }
        }
      }
      const member = Reflect.get(target, name) as unknown
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

storeSuite({
  test,
  name: 'disk over the journal of a set',
  supports: { durable: true, evicts: true },
  create: async ({ maxBytes }): Promise<Harness> => {
    const directory = await mkdtemp(join(tmpdir(), 'dstore-set-store-'))
    const [journal, bucket] = [createMemoryJournal(), new MemoryBucket()]
    const quota = maxBytes === undefined ? {} : { maxBytes }
    const open = async (): Promise<Store & { close(): Promise<void> }> =>
      openDiskStore({
        directory,
        ...quota,
        archive: onlyJournal(lent(journal), { bucket }),
      })
    let current = await open()
    const shown = (): Store => plain(current, maxBytes !== undefined)
    return {
      store: shown(),
      reopen: async () => {
        await current.close()
        current = await open()
        return shown()
      },
      destroy: async () => {
        await current.close()
        await rm(directory, { recursive: true })
      },
    }
  },
})
