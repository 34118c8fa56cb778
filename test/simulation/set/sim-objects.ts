/** The bucket of a set as a simulated member sees it: notes only; it waits for other lists. */
import type { ObjectPage, ObjectStore } from '../../../src/bucket/object-store.ts'
import type { MemoryBucket } from '../../bucket/memory-objects.ts'

/** Snapshots and sweeps, which take real time, never begin: their lists are not answered. */
export function simObjects(bucket: MemoryBucket, name: string): ObjectStore {
  const objects = bucket.client(name)
  const list = (prefix: string, after?: string, signal?: AbortSignal): Promise<ObjectPage> =>
    prefix.startsWith('m/') || signal === undefined
      ? objects.list(prefix, after, signal)
      : new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        )
  return new Proxy(objects, {
    get: (target, property) => {
      if (property === 'list') return list
      const found: unknown = Reflect.get(target, property, target)
      return typeof found === 'function' ? (found.bind(target) as unknown) : found
    },
  })
}
