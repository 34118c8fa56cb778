/** Limits of directories and trees. */
import { MIB } from './sizes.ts'

// 008: directories

/** The largest directory value. */
export const DIRECTORY_BYTES: number = 16 * MIB
/** Entries of one directory. */
export const DIRECTORY_ENTRIES = 262_144
/** Directories on the longest path of a tree, its root included. */
export const DIRECTORY_DEPTH: number = 1000
/** The name of an entry, in UTF-8. */
export const ENTRY_NAME_BYTES: number = 255
/** What a symbolic link points to, in UTF-8: the longest path of Linux. */
export const LINK_TARGET_BYTES: number = 4095
/** How long a hold is kept without use: a day. */
export const HOLD_MS: number = 86_400_000
/** The id of a hold: random. */
export const HOLD_ID_BYTES: number = 16
/** Holds that are open at one moment. */
export const HOLDS: number = 4096
/** How long the answer to the commit of a tree is kept for a repeat. */
export const HOLD_ANSWER_MS: number = 600_000
/** Keys that `verify --counts` counts at a time, and for which it reads all directories once. */
export const RECOUNT_KEYS: number = 262_144
