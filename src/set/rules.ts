/** Rules of a set that tests switch off, to see that something fails without them. */

export interface SetRules {
  /** An answer is handed over only within `SET_SERVE_MS` of the last acknowledged append. */
  readonly leases: boolean
  /** That time counts from the first try of an entry, not from the one that was answered. */
  readonly leasesFromFirst: boolean
  /** A standby takes over only after silence that the engine confirmed. */
  readonly isPatient: boolean
  /** Time in which the engine did not answer is no silence. */
  readonly confirmsSilence: boolean
  /** A standby applies only what is known to be acknowledged. */
  readonly appliesAcknowledged: boolean
  /** A store begins only after the entries of the member that was elected. */
  readonly checksElected: boolean
}

export const ALL_SET_RULES: SetRules = {
  leases: true,
  leasesFromFirst: true,
  isPatient: true,
  confirmsSilence: true,
  appliesAcknowledged: true,
  checksElected: true,
}
