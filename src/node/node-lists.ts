/**
 * The lists of a node in this process, a page at a time, for a caller that sends on their bytes.
 */
import type { KeyPage, NamePage } from '../index/records/list-pages.ts'
import type { CallOptions } from './call-options.ts'

export type { KeyPage, NamePage } from '../index/records/list-pages.ts'

/** As `NodeIndex.keys` and `NodeIndex.names`, in the same order and with the same errors. */
export interface NodeLists {
  /** Each page is from one moment. */
  keyPages(options?: CallOptions): AsyncGenerator<KeyPage>

  namePages(prefix?: string, options?: CallOptions): AsyncGenerator<NamePage>
}
