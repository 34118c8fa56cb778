/** Limits of names that move, expiry, rules and lists: they belong to 004, as `changes.ts`. */

/** Targets that a tag's history remembers. */
export const TAG_HISTORY: number = 16
/** How long a tag's replaced target is kept by default. */
export const TAG_KEEP_MS: number = 600_000
/** How long Global remembers the id of an operation, and answers its repeat. */
export const OPERATION_MS: number = 600_000
/** Operations that Global remembers; beyond it puts with an id are `busy`. */
export const OPERATIONS: number = 65_536
/** Operations of earlier runs that Global remembers, the newest, beside those. */
export const RECOVERED_OPERATIONS: number = 262_144
/** Bytes that name an operation. */
export const OPERATION_ID_BYTES: number = 16
/** Ranges of operations that a Local says in one message that it will not repeat. */
export const SETTLED_RANGES: number = 256
/** Rules of one Global. */
export const RULES: number = 256
/** How often a Local reports the use of a key, at most. */
export const USE_REPORT_MS: number = 60_000
/** A use of a name becomes durable within this time. */
export const USE_DURABLE_MS: number = 3_600_000
/** A rule does not act on what is unused in this time after the start of a run. */
export const UNUSED_AFTER_MS: number = 3_600_000
/** Names that rules unbind in a second, beside those for which a request waits. */
export const RULE_UNBINDS: number = 1024
/** Names that rules count again in a second. */
export const RULE_COUNTS: number = 16_384
/** Names that Global looks at for one page of a list with a pattern or with totals. */
export const LIST_ROWS: number = 16_384
/** Steps of matching a pattern that it takes for one page. */
export const LIST_STEPS: number = 4_194_304
