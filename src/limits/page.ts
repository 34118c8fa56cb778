/** Limits of the page and its sessions. */

// 013: the page

/** How long a code for a session is valid. */
export const PAGE_CODE_MS: number = 120_000
/** Codes for sessions that wait to be traded. */
export const PAGE_CODES: number = 16
/** How long a session lasts: a day. */
export const PAGE_SESSION_MS: number = 86_400_000
/** Sessions of one daemon. */
export const PAGE_SESSIONS: number = 64
/** The interval at which calls in progress of sessions that have ended are looked for. */
export const PAGE_LOOK_MS: number = 1000
