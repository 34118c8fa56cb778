/** Converts errors of the filesystem and of LMDB into faults of the store. */
import { getSystemErrorName } from 'node:util'
import { ownFault, systemFault } from '../../errno.ts'
import { DstoreError, systemError } from '../../errors.ts'

/** The errno that LMDB reports after a short write, as after a real error of the disk. */
export const EIO = 5

/** LMDB: the map is full. */
const MAP_FULL = -30_792

/** LMDB: page not found, corrupted page, version mismatch, not a database. */
const DAMAGED: ReadonlySet<unknown> = new Set([-30_797, -30_796, -30_794, -30_793])

/** The error as a fault that names the attempt ("write a value"); misuse and faults unchanged. */
export function faultOf(error: unknown, doing: string): Error {
  if (error instanceof DstoreError) return error
  if (error instanceof TypeError || error instanceof RangeError) return error
  const { code, syscall, message } = described(error)
  const system = systemFault({ code: code === MAP_FULL ? 'ENOSPC' : nameOf(code), syscall })
  if (system !== undefined) return systemError(ownFault(system), `cannot ${doing}`, error)
  const kind = DAMAGED.has(code) ? 'integrity' : 'unwritable'
  return new DstoreError(kind, `cannot ${doing}: ${message}`, { cause: error })
}

/** The name of a system error: LMDB reports its number. */
function nameOf(code: unknown): unknown {
  return typeof code === 'number' && code > 0 ? getSystemErrorName(-code) : code
}

/** Adds which store it is about: faults of a journal do not say that. */
export function namingStore(error: unknown, root: string): unknown {
  if (!(error instanceof DstoreError) || error.message.includes(root)) return error
  const { code, message, hint } = error
  const options = { cause: error, ...(hint !== undefined && { hint }) }
  return new DstoreError(code, `cannot open ${root}: ${message}`, options)
}

export function diskFull(message: string, cause?: unknown): DstoreError {
  const hint = 'free some space on the disk of the state directory, or remove values'
  return new DstoreError('no-space', message, { cause, hint })
}

/** Why a write of about these bytes into the records failed. */
export async function recordsFault(
  cause: unknown,
  bytes: number,
  freeSpace: { isTight(bytes: number): Promise<boolean> },
  toFault: typeof faultOf,
): Promise<Error> {
  const fault = toFault(cause, 'take changes into the records')
  // LMDB reports a short write as an I/O error even if the disk is full.
  const isShort = cause instanceof Error && 'code' in cause && cause.code === EIO
  if (!isShort || !(await freeSpace.isTight(bytes).catch(() => false))) return fault
  return diskFull('cannot take changes into the records: the disk is full', cause)
}

interface Described {
  readonly code?: unknown
  readonly syscall?: unknown
  readonly message: string
}

function described(error: unknown): Described {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, syscall, message } = error as Described
  return { code, syscall, message: message.split('\n')[0]! }
}
