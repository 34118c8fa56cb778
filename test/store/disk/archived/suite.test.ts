import { test } from '../../../serial.ts'
import type { Store } from '../../../../src/store/store.ts'
import { MIB } from '../../../../src/limits.ts'
import { type Harness, storeSuite } from '../../conformance.ts'
import { Archived } from './archived.ts'

/** The store, without what only such stores say of their use; first `before` each read. */
function plain(
  archived: Archived,
  hasQuota: boolean,
  before: () => Promise<void> = async () => undefined,
): Store {
  const { store } = archived
  const changed: Partial<Store> = {
    usage: async () => {
      const { archived: _, quotaBytes, ...usage } = await store.usage()
      if (!hasQuota) return { ...usage, headroomBytes: undefined }
      return { ...usage, ...(quotaBytes !== undefined && { quotaBytes }) }
    },
    read: async function* read(...args) {
      await before()
      yield* store.read(...args)
    },
    outboard: async (...args) => {
      await before()
      return store.outboard(...args)
    },
    lendFile: async (...args) => {
      await before()
      return store.lendFile(...args)
    },
  }
  return new Proxy(store, {
    get: (target, name) => {
      const member = Reflect.get(name in changed ? changed : target, name) as unknown
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

storeSuite({
  test,
  name: 'disk with an archive',
  supports: { durable: true, evicts: true },
  create: async (options): Promise<Harness> => {
    // Without a quota of the test, one that its values fill.
    const archived = await Archived.create({ maxBytes: 16 * MIB, ...options })
    const hasQuota = options.maxBytes !== undefined
    return {
      store: plain(archived, hasQuota),
      reopen: async () => {
        await archived.reopen()
        return plain(archived, hasQuota)
      },
      destroy: () => archived.destroy(),
    }
  },
})

storeSuite({
  test,
  name: 'disk with an archive that loses its files',
  supports: { durable: true, evicts: true },
  create: async (options): Promise<Harness> => {
    const archived = await Archived.create(options)
    const lose = (): Promise<void> => archived.loseFiles()
    return {
      store: plain(archived, true, lose),
      reopen: async () => {
        await lose()
        await archived.reopen()
        return plain(archived, true, lose)
      },
      destroy: () => archived.destroy(),
    }
  },
})
