/** Fields of requests that bind names (specs/004-index.md, R004-118 and R004-125). */

/** How a name is bound that a request binds; without it, the name is fixed and does not expire. */
export interface Naming {
  /** It can be moved; a put under a tag that is bound to something else moves it. */
  readonly tag?: boolean
  /** It expires so many milliseconds after the change. */
  readonly expiresMs?: number
  /** How many milliseconds the target that a tag had before is kept, if nothing else holds it. */
  readonly keepMs?: number
  /** The sender asks for a writer: it is to do no more than a writer may (R006-50). */
  readonly asWriter?: boolean
}

/** Operations of consecutive numbers, which are the last 8 bytes of their ids. */
export interface SettledOperations {
  readonly first: Uint8Array
  readonly count: number
}

/** A request that names an operation: its repeat has no further effect (R004-125). */
export interface Operation {
  /** `OPERATION_ID_BYTES` random bytes. */
  readonly operation?: Uint8Array
}
