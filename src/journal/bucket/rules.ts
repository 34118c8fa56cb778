/**
 * The rules that fence a stale writer of a journal in a bucket, each with a switch
 * (specs/011-archive.md). Only the simulation turns one off, to show that it finds the fault that
 * the rule prevents.
 */
export interface BucketJournalRules {
  /** After a PUT the writer looks whether the object before its own is still there. */
  readonly looksBack: boolean
  /** Looking back, it compares the object: another stale writer may have put one of that name. */
  readonly comparesBefore: boolean
  /** An object that is read counts only if it is the last one or the next one follows it. */
  readonly verifiesReads: boolean
  /** An own object on which others built is not deleted. */
  readonly keepsFollowed: boolean
  /** Objects are trimmed one after another, the oldest first. */
  readonly trimsInOrder: boolean
}

export const ALL_BUCKET_JOURNAL_RULES: BucketJournalRules = {
  looksBack: true,
  comparesBefore: true,
  verifiesReads: true,
  keepsFollowed: true,
  trimsInOrder: true,
}
