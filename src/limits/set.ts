/** Limits of sets of Globals over one journal. */

// 012: a set

/** Without an entry for this long, the active member appends a heartbeat. */
export const SET_HEARTBEAT_MS = 500
/** How long the active member may answer after it sent its last acknowledged append. */
export const SET_SERVE_MS = 2_000
/** Silence that the engine confirmed, after which a standby takes over. */
export const SET_TAKE_OVER_MS = 3_000
/** Time from one look of a standby at the end of the journal to the next. */
export const SET_LOOK_MS = 250
/** After this long without being allowed to answer, the active member ends its sessions. */
export const SET_SESSIONS_MS = 10_000
/** Time from one note of a member about itself to the next. */
export const SET_NOTE_MS = 5_000
/** How long the active member serves before it looks for what earlier epochs left in the bucket. */
export const SET_SWEEP_MS = 60_000
/** A member that left no note for this long is not shown any more. */
export const SET_FORGET_MS: number = 7 * 86_400_000
/** Members whose notes are read. */
export const SET_MEMBERS = 16
/** Snapshots in the bucket, beyond which standbys take none until two are verified. */
export const SET_SNAPSHOTS = 4
/** The note of a member. */
export const SET_NOTE_BYTES = 4_096
/** Addresses in a note. */
export const SET_ADDRESSES = 8
