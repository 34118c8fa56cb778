/**
 * The client of S3 by Amazon, which is not installed with the package: it is large, and most nodes
 * have no archive. It is loaded when a place is opened.
 */
import type * as S3 from '@aws-sdk/client-s3'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { DstoreError } from '../errors.ts'
import { importOptional } from '../optional-package.ts'
import { readAnswer } from './answers.ts'

export const SDK_PACKAGE = '@aws-sdk/client-s3'

/** The version that is tested. `package.json` states it, too, and a test compares them. */
export const SDK_VERSION = '3.1175.0'

/** What of the package is used. */
export type Sdk = typeof S3

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export interface ClientOptions {
  readonly endpoint?: string
  readonly environment: Environment
  /** Instead of what the client finds in the environment, in files, and on the machine. */
  readonly credentials?: Credentials
  /** How long a request may make no progress, and a small one take in all, in milliseconds. */
  readonly requestMs: number
}

/** Sockets to the bucket. Requests beyond them wait. */
const SOCKETS = 32
const CONNECT_MS = 5_000
/** One request, and two more where that may help. */
const ATTEMPTS = 3

/** Which variable keeps the client from warning of the version of Node. */
const NO_WARNING = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'

const DEFAULT_REGION = 'us-east-1'

/** Loads the client. Throws `unsupported`, with the command that installs it. */
export async function loadSdk(
  load: () => Promise<Sdk> = () => importOptional<Sdk>(SDK_PACKAGE),
): Promise<Sdk> {
  try {
    return await load()
  } catch (error) {
    const isMissing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
    const what = isMissing ? 'is not installed' : 'does not load'
    throw new DstoreError('unsupported', `an archive needs ${SDK_PACKAGE}, which ${what}`, {
      cause: error,
      hint: `npm i ${SDK_PACKAGE}@${SDK_VERSION} (with -g where dstore was installed so)`,
    })
  }
}

/** A client that never prints. Requests are not sent yet. */
export async function makeClient(sdk: Sdk, options: ClientOptions): Promise<S3Client> {
  const { endpoint, environment, credentials, requestMs } = options
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION']
  const config: S3ClientConfig = {
    // Elsewhere buckets have no names of hosts.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(credentials !== undefined && { credentials }),
    followRegionRedirects: true,
    // Values and entries have digests of their own, and others than Amazon refuse these.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would cost each large request a connection of its own.
    expectContinueHeader: false,
    maxAttempts: ATTEMPTS,
    logger: SILENT,
    streamCollector: readAnswer,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: requestMs,
      socketTimeout: requestMs,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
      logger: SILENT,
    },
  }
  const make = (named: string | undefined): S3Client =>
    quietly(
      environment,
      () => new sdk.S3Client(named === undefined ? config : { ...config, region: named }),
    )
  const client = make(region)
  try {
    await client.config.region()
    return client
  } catch {
    // Neither the environment nor a file names one, and stores of others need none.
    client.destroy()
    return make(DEFAULT_REGION)
  }
}

const nothing = (): void => undefined
const SILENT = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

/** The client warns once, when it is made. Other warnings of the process are shown as ever. */
function quietly<T>(environment: Environment, make: () => T): T {
  const variables = environment as Record<string, string | undefined>
  const before = variables[NO_WARNING]
  variables[NO_WARNING] = 'true'
  try {
    return make()
  } finally {
    if (before === undefined) Reflect.deleteProperty(variables, NO_WARNING)
    else variables[NO_WARNING] = before
  }
}
