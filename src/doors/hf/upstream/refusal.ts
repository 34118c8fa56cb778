/** What a refusal of the upstream means (specs/010-doors.md, R010-77). */
import type { OutgoingResponse } from '../../../daemon/outgoing/outgoing.ts'
import { asDstoreError, DstoreError, type ErrorCode } from '../../../errors.ts'
import { HF_AWAY_MS } from '../../../limits.ts'

/** What the upstream says that it lacks, or keeps from this node. */
export type Absence = 'repo' | 'revision' | 'entry' | 'gated'

/** The upstream has answered, and has nothing to give. */
export class Absent extends DstoreError {
  readonly absence: Absence

  constructor(absence: Absence) {
    super('not-found', `the upstream does not give it: ${absence}`)
    this.absence = absence
  }
}

/** A fault of the upstream, and none of this node. */
export class UpstreamFault extends DstoreError {
  /** When it is asked again, if that is known. */
  readonly retryMs: number | undefined

  constructor(code: ErrorCode, message: string, retryMs?: number) {
    super(code, message)
    this.retryMs = retryMs
  }
}

/** What was thrown while the upstream was asked, as its fault: unless this node has given up. */
export function blame(thrown: unknown): DstoreError {
  const error = asDstoreError(thrown)
  const isClear = error instanceof Absent || error instanceof UpstreamFault
  if (isClear || error.code === 'cancelled' || error.code === 'internal') return error
  // An address that it led to: the caller did nothing that is not permitted.
  const code = error.code === 'not-permitted' ? 'protocol' : error.code
  return new UpstreamFault(code, error.message)
}

/** The longest pause that an upstream can ask for. */
const LONGEST_PAUSE_MS = 300_000

const CODES: ReadonlyMap<string, Absence> = new Map([
  ['RepoNotFound', 'repo'],
  ['RevisionNotFound', 'revision'],
  ['EntryNotFound', 'entry'],
  ['GatedRepo', 'gated'],
])

/** The error for a response that is not what was asked for. */
export function refusalOf({ status, headers }: OutgoingResponse, host: string): Error {
  const code = headers['x-error-code']
  const absence = typeof code === 'string' ? CODES.get(code) : undefined
  if (absence !== undefined && status >= 400 && status < 500) return new Absent(absence)
  if (status === 404) return new Absent('repo')
  // Without a code it refuses the token, or it is no such endpoint: both are for an administrator.
  if (status === 401 || status === 403) {
    const message = `${host} refuses this node (${status}): is its token right?`
    return new UpstreamFault('unreachable', message, HF_AWAY_MS)
  }
  const pauseMs = pauseIn(headers['retry-after'])
  return new UpstreamFault('unreachable', `${host} answered ${status}`, pauseMs)
}

function pauseIn(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined
  return Math.min(Number(header) * 1000, LONGEST_PAUSE_MS)
}
