/** What is done to every request of the client before it is sent, and counted when it was. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { S3Client } from '@aws-sdk/client-s3'
import { KIB } from '../limits.ts'
import type { RequestCounts } from './object-store.ts'

type Kind = 'writes' | 'reads' | 'deletes'

/** Those that a bucket bills as reads, and those that it does not bill. Others are writes. */
const KINDS: Readonly<Record<string, Kind>> = {
  GetObjectCommand: 'reads',
  HeadObjectCommand: 'reads',
  DeleteObjectCommand: 'deletes',
  DeleteObjectsCommand: 'deletes',
  AbortMultipartUploadCommand: 'deletes',
}

/** Answers that say no, as they should. */
const PLAIN_REFUSALS: ReadonlySet<number> = new Set([404, 409, 412, 416])

/** Counts requests: each try of a call is one. */
export class Counter {
  readonly #counts = { writes: 0, reads: 0, deletes: 0, failed: 0 }

  get counts(): RequestCounts {
    return { ...this.#counts }
  }

  sent(command: string | undefined): void {
    this.#counts[KINDS[command ?? ''] ?? 'writes']++
  }

  /** Undefined: no answer. */
  answered(status: number | undefined): void {
    if (status === undefined || (status >= 400 && !PLAIN_REFUSALS.has(status))) {
      this.#counts.failed++
    }
  }
}

/** Hears what the bucket does while calls wait for it. */
export interface Signs {
  /** It took some bytes. */
  sent(): void
  /** It sent something. */
  heard(): void
}

interface Request {
  readonly protocol?: string
  body?: unknown
  readonly headers: Record<string, string>
}

interface Answer {
  readonly statusCode?: number
}

const BODIES: ReadonlySet<string> = new Set(['PutObjectCommand', 'UploadPartCommand'])

/** Bodies that are larger go in pieces of this size, so that it is seen how they go. */
const PIECE_BYTES = 256 * KIB

export function addMiddleware(client: S3Client, counter: Counter, signs: Signs): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const request = args.request as Request
      const { commandName = '' } = context as { commandName?: string }
      if (commandName === 'DeleteObjectsCommand') addDigest(request)
      // TLS protects it, and to hash it again costs as much as to send it.
      else if (BODIES.has(commandName) && request.protocol === 'https:') {
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
      }
      return next(args)
    },
    { step: 'build', name: 'dstoreHeaders' },
  )
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { commandName } = context as { commandName?: string }
      counter.sent(commandName)
      const request = args.request as Request
      const { body } = request
      if (body instanceof Uint8Array && body.byteLength > PIECE_BYTES) {
        request.body = inPieces(body, signs)
      }
      let status: number | undefined
      try {
        const result = await next(args)
        status = (result.response as Answer | undefined)?.statusCode
        return result
      } finally {
        // The next try sends it again.
        request.body = body
        counter.answered(status)
        if (status !== undefined) signs.heard()
      }
    },
    { step: 'deserialize', priority: 'low', name: 'dstoreCounts' },
  )
}

function inPieces(body: Uint8Array, signs: Signs): Readable {
  function* pieces(): Generator<Uint8Array> {
    for (let at = 0; at < body.byteLength; at += PIECE_BYTES) {
      yield body.subarray(at, at + PIECE_BYTES)
      signs.sent()
    }
  }
  return Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES })
}

/** Many servers want this header here, and do not know the checksum that the client adds. */
function addDigest({ body, headers }: Request): void {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) return
  headers['content-md5'] = createHash('md5').update(body).digest('base64')
}
