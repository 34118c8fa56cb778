/**
 * The rules that make removal coherent, each with a switch (specs/004-index.md). Only the
 * simulation turns one off, to show that it finds the fault that the rule prevents.
 */
export interface Rules {
  /** A removal kills older incarnations, and no others. */
  readonly incarnations: boolean
  /** An answer that a removal has overtaken is not kept. */
  readonly fetchesInFlight: boolean
  readonly putsInFlight: boolean
  readonly namesInFlight: boolean
  /** A change is applied before it is acknowledged. */
  readonly applyBeforeAck: boolean
  /** After a reset nothing is served before it is revalidated. */
  readonly revalidate: boolean
  /** A reset is acknowledged after the last answer, so that no removal overtakes one. */
  readonly acknowledgeVerified: boolean
  /** Nothing is visible before it is durable. */
  readonly durableBeforeVisible: boolean
  /** A Local that has not heard Global for long asks before it serves. */
  readonly doubt: boolean
  /** A position counts only in the history of its run. */
  readonly runs: boolean
  /** The highest seq that a Local saw counts as much as the one that it applied. */
  readonly highestSeen: boolean
  /** Locals that are away owe a removal, too. */
  readonly register: boolean
  /** A Local whose lease has expired does not serve. */
  readonly leases: boolean
  /** An expelled member is disconnected before that is acknowledged. */
  readonly expulsions: boolean
  /** A Local remembers no name as it was before a change that it has asked for itself. */
  readonly ownWrites: boolean
  /** An older session of one boot stays until the newer one is used. */
  readonly olderStays: boolean
  /** What is put under a hold is recorded first. */
  readonly recordedFirst: boolean
  /** The record of what was found depends on its being there. */
  readonly foundIsThere: boolean
  /** A directory is made only while its children exist. */
  readonly childrenExist: boolean
  /** Puts that count the children of one directory at the same moment count each once. */
  readonly countedOnce: boolean
  /** Children that were counted in part are counted down. */
  readonly partsCountedDown: boolean
  /** A removal depends on everything that may keep the key. */
  readonly removalsDepend: boolean
  /** The removal of a tree goes on after a restart. */
  readonly cascadesResume: boolean
  /** The removal of a tree is answered at its end. */
  readonly cascadesAwaited: boolean
  /** The release of what a hold kept goes on after a restart. */
  readonly releasesResume: boolean
  /** Nothing is bound below a name that is bound to a directory. */
  readonly namesExclude: boolean
  /** A name stays what its first binding made it: fixed, or a tag. */
  readonly kindsStay: boolean
  /** Locals hear of the move of a tag, as of an unbinding. */
  readonly movesFed: boolean
  /** The target that a tag had stays for its time. */
  readonly targetsStay: boolean
  /** That time runs by the elapsed clock, not by the wall clock. */
  readonly keepsElapsed: boolean
  /** The answer to a move names the Locals that were not heard. */
  readonly silentNamed: boolean
  /** The repeat of an operation has no effect. */
  readonly operationsOnce: boolean
  /** After a restart the log says which operations were done. */
  readonly operationsRecovered: boolean
  /** What the repeat of an operation answers is not kept. */
  readonly repeatsNotKept: boolean
  /** An expired name is not answered. */
  readonly expiryHides: boolean
  /** Names are unbound for their expiry by trusted wall time only. */
  readonly expiryTrusted: boolean
  /** A name is unbound for its expiry only if it is still bound as it was. */
  readonly expiryDepends: boolean
  /** A rule unbinds a name only if it is still bound as it was counted. */
  readonly dropsAsBound: boolean
  /** A name below a rule is bound only when there is room for it. */
  readonly roomFirst: boolean
  /** What changed before a restart is counted after it. */
  readonly countsResume: boolean
}

export const ALL_RULES: Rules = {
  incarnations: true,
  fetchesInFlight: true,
  putsInFlight: true,
  namesInFlight: true,
  applyBeforeAck: true,
  revalidate: true,
  acknowledgeVerified: true,
  durableBeforeVisible: true,
  doubt: true,
  runs: true,
  highestSeen: true,
  register: true,
  leases: true,
  expulsions: true,
  ownWrites: true,
  olderStays: true,
  recordedFirst: true,
  foundIsThere: true,
  childrenExist: true,
  countedOnce: true,
  partsCountedDown: true,
  removalsDepend: true,
  cascadesResume: true,
  cascadesAwaited: true,
  releasesResume: true,
  namesExclude: true,
  kindsStay: true,
  movesFed: true,
  targetsStay: true,
  keepsElapsed: true,
  silentNamed: true,
  operationsOnce: true,
  operationsRecovered: true,
  repeatsNotKept: true,
  expiryHides: true,
  expiryTrusted: true,
  expiryDepends: true,
  dropsAsBound: true,
  roomFirst: true,
  countsResume: true,
}
