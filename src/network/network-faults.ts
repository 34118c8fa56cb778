/**
 * Translates libp2p's errors into faults of one clear line. libp2p names errors, Node codes them.
 */
import { networkInterfaces } from 'node:os'
import { systemFault } from '../errno.ts'
import { DstoreError, systemError, type ErrorCode } from '../errors.ts'

type Fault = readonly [code: ErrorCode, what: string]

export const NO_HOST: Fault = ['unreachable', 'no such host']
const CLOSED: Fault = ['unreachable', 'it closed the connection']
const NO_ROUTE: Fault = ['unreachable', 'no route to it']
const LATE: Fault = ['timeout', 'no answer in time']
const NO_HANDSHAKE: Fault = ['incompatible', 'it did not complete a libp2p handshake']
const TOO_MANY: Fault = ['busy', 'too many streams or dials at once']

/** By `code` of an error of Node, or by `name` of one of libp2p. */
const FAULTS: ReadonlyMap<unknown, Fault> = new Map<unknown, Fault>([
  ['ECONNREFUSED', ['unreachable', 'nothing listens there']],
  ['ENOTFOUND', NO_HOST],
  ['EAI_AGAIN', NO_HOST],
  ['ECONNRESET', CLOSED],
  ['EPIPE', CLOSED],
  ['ENETUNREACH', NO_ROUTE],
  ['EHOSTUNREACH', NO_ROUTE],
  ['EADDRNOTAVAIL', NO_ROUTE],
  ['TimeoutError', LATE],
  ['AbortError', LATE],
  ['UnexpectedEOFError', ['unreachable', 'it hung up at once; it may serve only its members']],
  ['UnsupportedProtocolError', ['incompatible', 'it does not speak this dstore protocol']],
  ['EncryptionFailedError', NO_HANDSHAKE],
  ['MuxerUnavailableError', NO_HANDSHAKE],
  ['InvalidPeerIdError', ['malformed-address', 'that is this node']],
  ['TooManyOutboundProtocolStreamsError', TOO_MANY],
  ['DialError', TOO_MANY],
])

/** Why no channel to `target` was opened. `signal` is the one that the caller passed. */
export function dialFault(error: unknown, target: string, signal?: AbortSignal): DstoreError {
  if (error instanceof DstoreError) return error
  if (signal?.aborted === true) return cancelled(signal.reason, target)
  const cause = firstOf(error)
  const { message, name } = cause
  const isImpostor = /does not match expected remote identity/.test(message)
  const [code, what]: Fault =
    FAULTS.get((cause as { code?: unknown }).code) ??
    (isImpostor ? ['impostor', 'another peer answers there'] : FAULTS.get(name)) ??
    (['unreachable', message === '' ? name : oneLine(message)] as const)
  return new DstoreError(code, `${target}: ${what}`, { cause: error })
}

/** Why listening failed. */
export function listenFault(error: unknown): DstoreError {
  if (error instanceof DstoreError) return error
  const message = error instanceof Error ? error.message : String(error)
  const system = systemFault({ code: /\bE(MFILE|NFILE|NOMEM|NOBUFS)\b/.exec(message)?.[0] })
  if (system !== undefined) return systemError(system, 'cannot listen', error)
  const address = /^\s+(\/\S+): /m.exec(message)?.[1] ?? 'an address'
  if (/EADDRNOTAVAIL|EAFNOSUPPORT/.test(message)) return notOfThisMachine(address, error)
  const [code, what]: Fault = message.includes('EADDRINUSE')
    ? ['address-in-use', `${address}: something else listens there`]
    : /EACCES|EINVAL/.test(message)
      ? ['malformed-address', `${address}: this machine cannot listen there`]
      : ['internal', oneLine(message)]
  return new DstoreError(code, what, { cause: error })
}

/** Listening at `address` failed, since no interface has it. The hint names those that one has. */
export function notOfThisMachine(address: string, cause: unknown): DstoreError {
  const own = Object.values(networkInterfaces())
    .flat()
    .filter((one) => one?.internal === false && !one.address.startsWith('fe80:'))
    .map((one) => one!.address)
  const has = own.length === 0 ? '' : `it has ${own.slice(0, 4).join(', ')}; `
  return new DstoreError('malformed-address', `${address} is not an address of this machine`, {
    cause,
    hint: `${has}/ip4/0.0.0.0/tcp/PORT listens at all of them`,
  })
}

function cancelled(reason: unknown, target: string): DstoreError {
  if (reason instanceof DstoreError) return reason
  const isLate = reason instanceof Error && reason.name === 'TimeoutError'
  const [code, what]: Fault = isLate ? LATE : ['cancelled', 'the caller gave up']
  return new DstoreError(code, `${target}: ${what}`, { cause: reason })
}

/** A dial of several addresses, or of a host that has several, fails with the errors of all. */
function firstOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return firstOf(error.errors[0])
  return error instanceof Error ? error : new Error(String(error))
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300)
}
