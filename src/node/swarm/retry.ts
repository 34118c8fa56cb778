/** Transfers that broke off, and may go on when Global is back (specs/003-transfer.md, R003-46). */
import { DstoreError } from '../../errors.ts'

/** How long to wait before a transfer that broke off is taken up again, in milliseconds. */
export const RETRY_MS = 100

const AWAY = 'Global cannot be reached'

/** May it be over when it is tried again? A stream that breaks with its connection looks like one too many. */
export const isPassing = ({ code }: DstoreError): boolean =>
  code === 'unreachable' || code === 'timeout' || code === 'busy'

/** What a caller is told where a transfer broke off, and Global did not come back. */
export function withoutGlobal(fault: DstoreError, hint?: string): DstoreError {
  if (fault.code !== 'unreachable') return fault
  const message = fault.message.startsWith(AWAY) ? fault.message : `${AWAY}: ${fault.message}`
  return new DstoreError('unreachable', message, { cause: fault, ...(hint && { hint }) })
}
