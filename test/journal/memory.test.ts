import { createMemoryJournal } from './memory-journal.ts'
import { test } from '../serial.ts'
import { journalSuite } from './suite.ts'

journalSuite({
  test,
  name: 'memory',
  durable: false,
  create: async () => {
    const journal = createMemoryJournal()
    return {
      journal,
      another: async () => journal,
      reopen: async () => journal,
      destroy: () => journal.close(),
    }
  },
})
