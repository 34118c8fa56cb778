/** Faults of values in a tree, with the path that leads to them. */
import { asDstoreError, DstoreError } from '../../errors.ts'

const LACKS = 'it was removed by force: `dstore stat` lists what a directory lacks'

/** The same fault; its message begins with the path, unless it has it. */
export function naming(path: string, error: unknown): DstoreError {
  const { code, message, hint = code === 'not-found' ? LACKS : undefined } = asDstoreError(error)
  if (code === 'cancelled' || message.includes(`write to ${path}`)) return asDstoreError(error)
  const more = hint === undefined ? {} : { hint }
  return new DstoreError(code, `${path}: ${message}`, { cause: error, ...more })
}
