/**
 * Translates libp2p's errors into faults of one clear line. libp2p names errors, Node codes them.
 */
import { DstoreError } from '../errors.ts'

/** Why no channel to `target` was opened. `signal` is the one that the caller passed. */
export function dialFault(error: unknown, target: string, signal?: AbortSignal): DstoreError {
  if (error instanceof DstoreError) return error
  if (signal?.aborted === true) return givenUp(signal.reason, target)
  const cause = firstOf(error)
  const fault = (code: DstoreError['code'], what: string): DstoreError =>
    new DstoreError(code, `${target}: ${what}`, { cause: error })
  switch (codeOf(cause)) {
    case 'ECONNREFUSED':
      return fault('unreachable', 'nothing listens there')
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fault('unreachable', 'no such host')
    case 'ECONNRESET':
    case 'EPIPE':
      return fault('unreachable', 'it closed the connection')
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return fault('unreachable', 'no route to it')
  }
  if (/does not match expected remote identity/.test(cause.message)) {
    return fault('impostor', 'another peer answers there')
  }
  switch (cause.name) {
    case 'TimeoutError':
    case 'AbortError':
      return fault('timeout', 'no answer in time')
    case 'UnexpectedEOFError':
      return fault('unreachable', 'it hung up at once; it may serve only its members')
    case 'UnsupportedProtocolError':
      return fault('incompatible', 'it does not speak this dstore protocol')
    case 'EncryptionFailedError':
    case 'MuxerUnavailableError':
      return fault('incompatible', 'it did not complete a libp2p handshake')
    case 'InvalidPeerIdError':
      return fault('malformed-address', 'that is this node')
    case 'TooManyOutboundProtocolStreamsError':
    case 'DialError':
      return fault('busy', 'too many streams or dials at once')
  }
  return fault('unreachable', cause.message === '' ? cause.name : oneLine(cause.message))
}

/** Why listening failed. */
export function listenFault(error: unknown): DstoreError {
  if (error instanceof DstoreError) return error
  const message = error instanceof Error ? error.message : String(error)
  const address = /^\s+(\/\S+): /m.exec(message)?.[1] ?? 'an address'
  if (message.includes('EADDRINUSE')) {
    return new DstoreError('address-in-use', `${address}: something else listens there`, {
      cause: error,
    })
  }
  if (/EADDRNOTAVAIL|EACCES|EINVAL|EAFNOSUPPORT/.test(message)) {
    return new DstoreError('malformed-address', `${address}: this machine cannot listen there`, {
      cause: error,
    })
  }
  return new DstoreError('internal', oneLine(message), { cause: error })
}

function givenUp(reason: unknown, target: string): DstoreError {
  if (reason instanceof DstoreError) return reason
  const late = reason instanceof Error && reason.name === 'TimeoutError'
  const [code, what] = late
    ? (['timeout', 'no answer in time'] as const)
    : (['cancelled', 'the caller gave up'] as const)
  return new DstoreError(code, `${target}: ${what}`, { cause: reason })
}

/** A dial of several addresses, or of a host that has several, fails with the errors of all. */
function firstOf(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return firstOf(error.errors[0])
  return error instanceof Error ? error : new Error(String(error))
}

function codeOf(error: Error): unknown {
  return (error as { code?: unknown }).code
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0]!.slice(0, 300)
}
