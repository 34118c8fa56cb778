/**
 * What each error means to a user, and what to do. `docs/troubleshooting.md` has it under each code
 * of the table of errors.
 */
import type { ErrorCode } from '../../src/errors.ts'
import type { CodeTroubles } from './trouble.ts'
import { OF_INPUT } from './troubles-of-input.ts'
import { OF_NODES } from './troubles-of-nodes.ts'

/** Every code has an entry; those without messages have too many wordings, or none. */
export const TROUBLES: Readonly<Record<ErrorCode, CodeTroubles>> = { ...OF_INPUT, ...OF_NODES }
