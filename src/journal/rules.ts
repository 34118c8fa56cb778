/**
 * The rules by which an appender settles doubt, each with a switch (specs/009-journal.md). Only the
 * simulation turns one off, to show that it finds the fault that the rule prevents.
 */
export interface AppenderRules {
  /** An append without an answer is read back before anything is said of it. */
  readonly settlesDoubt: boolean
  /** What is taken is read before it is believed: a client that repeats may find its own entry. */
  readonly readsTaken: boolean
  /** Only the same bytes are the writer's own entry, not what has the same place. */
  readonly comparesBytes: boolean
  /** An append that is tried again has the same bytes. */
  readonly sameBytes: boolean
  /** A refusal is certain only if no earlier try of the same entry may still arrive. */
  readonly refusesOnce: boolean
  /** A writer that found another's entry appends nothing more. */
  readonly stopsAtTaken: boolean
  /** Of a trimmed position nothing is known but that it is taken. */
  readonly doubtsTrimmed: boolean
}

export const ALL_APPENDER_RULES: AppenderRules = {
  settlesDoubt: true,
  readsTaken: true,
  comparesBytes: true,
  sameBytes: true,
  refusesOnce: true,
  stopsAtTaken: true,
  doubtsTrimmed: true,
}
