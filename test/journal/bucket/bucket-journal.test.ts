import { openBucketJournal } from '../../../src/journal/bucket/bucket-journal.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { test } from '../../serial.ts'
import { journalSuite } from '../suite.ts'

journalSuite({
  test,
  name: 'bucket',
  durable: true,
  create: async () => {
    const bucket = new MemoryBucket()
    const open = (): Journal => openBucketJournal({ objects: bucket.client(), pollMs: 2 })
    let journal = open()
    return {
      get journal() {
        return journal
      },
      another: async () => open(),
      reopen: async () => {
        await journal.close()
        return (journal = open())
      },
      destroy: () => journal.close(),
    }
  },
})
