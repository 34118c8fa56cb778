/**
 * The rules that make removal coherent, each with a switch (specs/004-index.md, "Rules"). Nothing but the simulation
 * ever turns one off: to show that it would find the fault that the rule prevents.
 */
export interface Rules {
  /** A removal kills what is older, and only that. */
  readonly incarnations: boolean
  /** An answer that is older than a removal seen since the question is not kept. */
  readonly fetchesInFlight: boolean
  readonly putsInFlight: boolean
  readonly namesInFlight: boolean
  /** A change is applied before it is acknowledged. */
  readonly applyBeforeAck: boolean
  /** After a reset nothing is served that was not asked about. */
  readonly revalidate: boolean
  /** A reset is acknowledged when all of that was answered: no removal overtakes the answers. */
  readonly acknowledgeVerified: boolean
  /** Nothing is said before it is durable. */
  readonly durableBeforeVisible: boolean
  /** Who has not heard of Global for long asks before he serves. */
  readonly doubt: boolean
  /** A position counts only in the run that gave it. */
  readonly runs: boolean
  /** What a Local has heard of counts as much as what it has applied. */
  readonly seen: boolean
  /** A removal is owed by Locals that are away, too. */
  readonly register: boolean
  /** Who has no lease does not serve. */
  readonly leases: boolean
  /** A member that was expelled is cut off before that is acknowledged. */
  readonly expulsions: boolean
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
  seen: true,
  register: true,
  leases: true,
  expulsions: true,
}
