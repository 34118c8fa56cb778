/**
 * Every bound that a spec states, and those that several folders share. They stand under the
 * document that they belong to, in its order; `npm run tables` copies them from `src/limits` into
 * `specs/000-conventions.md`. The last word of a name is its unit: `_BYTES`, `_MS` (milliseconds),
 * or the things it counts. A constant that only one file uses, and no spec names, stands in that
 * file.
 */
export * from './limits/sizes.ts'
export * from './limits/conventions.ts'
export * from './limits/transfer.ts'
export * from './limits/changes.ts'
export * from './limits/storage.ts'
export * from './limits/membership.ts'
export * from './limits/daemon.ts'
export * from './limits/directories.ts'
export * from './limits/journal.ts'
export * from './limits/names.ts'
export * from './limits/doors.ts'
export * from './limits/archive.ts'
export * from './limits/set.ts'
export * from './limits/page.ts'
export * from './limits/events.ts'
