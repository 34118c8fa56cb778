/** Copies a stored value into a file of a caller, within the memory of its call. */
import type { KeyRecord } from '../../index/records/record.ts'
import type { LentFile, Store } from '../../store/store.ts'
import { share, type ByteBudget } from '../calls/byte-budget.ts'
import { COPY_SHARE_BYTES, copyStored, type StoredCopy } from '../calls/copies/copy-stored.ts'
import type { Repair } from './repair.ts'

/** Where stored values are copied from. */
export interface CopyPlace {
  readonly store: Store
  readonly repair: Repair
  readonly budget: ByteBudget
}

/** As `copyStored`; the repair of a damaged value begins. */
export async function copyWithin(
  { store, repair, budget }: CopyPlace,
  record: KeyRecord,
  copy: Omit<StoredCopy, 'value' | 'lend'>,
): Promise<boolean> {
  const giveBack = await share(COPY_SHARE_BYTES, budget)
  const value = repair.bytesOf(record)
  const lend = (): Promise<LentFile | undefined> => store.lendFile(record.location)
  try {
    return await repair.watch(copy.digest, record, () => copyStored({ ...copy, value, lend }))
  } finally {
    giveBack()
  }
}
