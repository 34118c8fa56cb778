/** What went wrong at a bucket, as a fault with the place in its message. */
import { DstoreError } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { AnswerError } from './answers.ts'

/** The parts of an error of the client that are looked at. All of them may come from outside. */
export interface ClientError {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly $metadata?: { readonly httpStatusCode?: unknown }
}

type Known = readonly [code: ErrorCode, what: string, hint?: string]

const RIGHTS =
  'the credentials need GetObject, PutObject, DeleteObject and AbortMultipartUpload below the ' +
  'prefix, and ListBucket and ListBucketMultipartUploads on the bucket'
const NAME_CREDENTIALS =
  'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, where the daemon starts'
const CLOCK = 'set the clock of this machine: the bucket takes requests of the last 15 minutes only'
const REGION = 'set AWS_REGION to the region of the bucket'

const NO_BUCKET: Known = ['not-found', 'there is no such bucket', 'create it, or correct its name']
const DENIED: Known = ['not-permitted', 'the bucket refuses these credentials', RIGHTS]
const UNKNOWN: Known = ['not-permitted', 'the credentials are not valid', NAME_CREDENTIALS]
const SKEWED: Known = ['not-permitted', "this machine's clock differs from the bucket's", CLOCK]
const SLOW: Known = ['unreachable', 'the bucket asks for fewer requests']
const FULL: Known = ['no-space', 'the bucket is full']
const ELSEWHERE: Known = ['usage', 'the bucket is in another region', REGION]
const AWAY: Known = ['unreachable', 'the bucket is not available now']

/** By the names that S3 gives its faults, and the client its own. */
const BY_NAME: Readonly<Record<string, Known>> = {
  NoSuchBucket: NO_BUCKET,
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  Forbidden: DENIED,
  InvalidAccessKeyId: UNKNOWN,
  SignatureDoesNotMatch: UNKNOWN,
  ExpiredToken: UNKNOWN,
  InvalidToken: UNKNOWN,
  TokenRefreshRequired: UNKNOWN,
  RequestTimeTooSkewed: SKEWED,
  RequestExpired: SKEWED,
  SlowDown: SLOW,
  SlowDownRead: SLOW,
  SlowDownWrite: SLOW,
  TooManyRequests: SLOW,
  Throttling: SLOW,
  ThrottlingException: SLOW,
  RequestLimitExceeded: SLOW,
  EntityTooLarge: ['too-large', 'the bucket takes no object of this size'],
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  XMinioAdminBucketQuotaExceeded: FULL,
  NoSuchUpload: ['not-found', 'the upload is not there any more'],
  NotImplemented: ['incompatible', 'the server lacks a request that the archive needs'],
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  IllegalLocationConstraintException: ELSEWHERE,
  RequestTimeout: AWAY,
  ConditionalRequestConflict: ['unreachable', 'others write the same object all the time'],
  CredentialsProviderError: ['not-permitted', 'there are no credentials', NAME_CREDENTIALS],
  TimeoutError: ['unreachable', 'no answer in time'],
}

const BY_STATUS: Readonly<Record<number, Known>> = {
  301: ELSEWHERE,
  401: DENIED,
  403: DENIED,
  408: AWAY,
  429: SLOW,
  500: AWAY,
  501: BY_NAME['NotImplemented']!,
  502: AWAY,
  503: AWAY,
  504: AWAY,
  507: FULL,
}

const LOOK =
  'look whether the network is there, and whether --archive-endpoint is right, or --bucket-endpoint'

/** Errors of the system and of TLS, where no answer came. */
const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was lost',
  EPIPE: 'the connection was lost',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'the name of the server is not known',
  EAI_AGAIN: 'the name of the server could not be looked up',
  EHOSTUNREACH: 'there is no way to the server',
  ENETUNREACH: 'there is no way to the server',
  EPROTO: 'the server does not speak TLS there',
}

/** TLS: the server proved to be another than the one that was meant, or none that is trusted. */
const CERTIFICATE = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** The status of the answer that is a fault. */
export const statusOf = (error: unknown): number | undefined => {
  const status = (error as ClientError | undefined)?.$metadata?.httpStatusCode
  return typeof status === 'number' ? status : undefined
}

/** The name of a fault as S3 spells it; undefined for text that could be anything. */
export function nameOf(error: unknown): string | undefined {
  const name = (error as ClientError | undefined)?.name
  return typeof name === 'string' && /^[A-Za-z0-9.]{1,64}$/.test(name) ? name : undefined
}

/** The error as a fault of this place. What a server wrote is never quoted, its fault's name is. */
export function bucketFault(place: string, error: unknown): DstoreError {
  if (error instanceof DstoreError) return error
  const name = nameOf(error)
  const status = statusOf(error)
  const broken = error instanceof AnswerError ? error.what : undefined
  // What stands before a server that is away often answers with a page for people.
  if (broken !== undefined && !(status !== undefined && status >= 400)) {
    return fault('protocol', place, broken, error)
  }
  const known = own(BY_NAME, name) ?? own(BY_STATUS, status)
  if (known !== undefined) {
    const [code, what, hint] = known
    return fault(code, place, named(what, name), error, hint)
  }
  const code = systemCode(error)
  if (code !== undefined && CERTIFICATE.test(code)) {
    return fault('impostor', place, `its certificate is not trusted: ${code}`, error, LOOK)
  }
  const lost = own(BY_CODE, code)
  if (lost !== undefined) return fault('unreachable', place, named(lost, code), error, LOOK)
  const spoken = status === undefined ? '' : ` (status ${status})`
  return fault(
    'protocol',
    place,
    named(`${broken ?? "the server's answer is not S3's"}${spoken}`, name),
    error,
  )
}

/** A connection that failed has several errors where the name has several addresses. */
function systemCode(error: unknown): string | undefined {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown }
  if (typeof code === 'string') return code
  return Array.isArray(errors) && errors.length > 0 ? systemCode(errors[0]) : undefined
}

const named = (what: string, name: string | undefined): string =>
  name === undefined || name === 'Error' ? what : `${what} (${name})`

function own<T>(
  table: Readonly<Record<string, T>>,
  key: string | number | undefined,
): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}

export function fault(
  code: ErrorCode,
  place: string,
  what: string,
  cause?: unknown,
  hint?: string,
): DstoreError {
  return new DstoreError(code, `${place}: ${what}`, { cause, ...(hint !== undefined && { hint }) })
}
