import type { ReadOnlyStore } from '../../store/disk/read-only-store.ts'

/** The part of an inactive store that is read. */
export type ReadableStore = Pick<
  ReadOnlyStore,
  'contents' | 'rows' | 'scan' | 'read' | 'outboard' | 'close'
>
