/** A decoded directory, as it is kept while a tree is read. */
import { totalsOf, type Entry, type Totals } from '../../directory/directory.ts'

/** The entries of one directory, in bytewise order of their names. */
export interface Listing {
  readonly entries: readonly (readonly [name: string, entry: Entry])[]
  /** Of its encoding. */
  readonly bytes: number
}

/** Bytes and files of all that is below. */
export const totalsOfListing = ({ entries }: Listing): Totals => totalsOf(new Map(entries))
