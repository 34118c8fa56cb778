/** What the stub of S3 has, and what each of its operations does to that. */
import { createHash, randomUUID } from 'node:crypto'

/** A request as the operations see it. */
export interface S3Request {
  readonly operation: S3Operation
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export type S3Operation =
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'ListObjectsV2'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListMultipartUploads'
  | 'HeadBucket'

export interface S3Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

interface Upload {
  readonly key: string
  readonly parts: Map<number, { readonly body: Uint8Array; readonly tag: string }>
}

/** The least size of every part but the last. */
const LEAST_PART = 5 * 1024 * 1024

export class S3State {
  readonly objects: Map<string, Uint8Array> = new Map()
  readonly uploads: Map<string, Upload> = new Map()
  /** Does this store keep `If-None-Match`? Some only keep it for one of the two. */
  readonly keepsConditions = { put: true, complete: true }
  /** With false, bytes are thrown away: an object is as many zeros. For uploads of gigabytes. */
  keepsBytes = true
  /** Objects and uploads in one page of a list, at most. */
  pageSize = 1_000

  do(request: S3Request): S3Answer {
    return this[request.operation](request)
  }

  protected GetObject({ key, headers }: S3Request): S3Answer {
    const object = this.objects.get(key)
    if (object === undefined) return fault(404, 'NoSuchKey')
    const match = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '')
    const etag = tagOf(object)
    if (match === null) return { status: 200, headers: { etag }, body: object }
    const [first, last] = [Number(match[1]), Math.min(Number(match[2]), object.byteLength - 1)]
    if (first >= object.byteLength) return fault(416, 'InvalidRange')
    const range = `bytes ${first}-${last}/${object.byteLength}`
    const body = object.subarray(first, last + 1)
    return { status: 206, headers: { etag, 'content-range': range }, body }
  }

  protected HeadObject({ key }: S3Request): S3Answer {
    const object = this.objects.get(key)
    if (object === undefined) return { status: 404 }
    return {
      status: 200,
      headers: { etag: tagOf(object), 'content-length': `${object.byteLength}` },
    }
  }

  protected HeadBucket(): S3Answer {
    return { status: 200 }
  }

  protected PutObject({ key, headers, body }: S3Request): S3Answer {
    const conditional = headers['if-none-match'] === '*' && this.keepsConditions.put
    if (conditional && this.objects.has(key)) return fault(412, 'PreconditionFailed')
    this.objects.set(key, this.#kept(body))
    return { status: 200, headers: { etag: tagOf(body) } }
  }

  protected DeleteObject({ key }: S3Request): S3Answer {
    this.objects.delete(key)
    return { status: 204 }
  }

  protected DeleteObjects({ body, headers }: S3Request): S3Answer {
    // As most stores do that are not Amazon's.
    if (headers['content-md5'] === undefined) return fault(400, 'MissingContentMD5')
    const keys = [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => plain(key!))
    if (keys.length > 1_000) return fault(400, 'MalformedXML')
    for (const key of keys) this.objects.delete(key)
    return xml('<DeleteResult></DeleteResult>')
  }

  protected ListObjectsV2({ query }: S3Request): S3Answer {
    const after = query.get('continuation-token') ?? query.get('start-after') ?? ''
    const prefix = query.get('prefix') ?? ''
    const limit = Math.min(Number(query.get('max-keys') ?? 1_000), this.pageSize)
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after)
    const page = keys.toSorted().slice(0, limit)
    const more = page.length < keys.length
    const contents = page.map(
      (key) =>
        `<Contents><Key>${escaped(key)}</Key><Size>${this.objects.get(key)!.byteLength}</Size></Contents>`,
    )
    const next = more ? `<NextContinuationToken>${page.at(-1)!}</NextContinuationToken>` : ''
    return xml(
      `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>` +
        `${next}${contents.join('')}</ListBucketResult>`,
    )
  }

  protected CreateMultipartUpload({ key }: S3Request): S3Answer {
    const id = randomUUID()
    this.uploads.set(id, { key, parts: new Map() })
    return xml(
      `<InitiateMultipartUploadResult><Key>${escaped(key)}</Key>` +
        `<UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    )
  }

  protected UploadPart({ key, query, body }: S3Request): S3Answer {
    const upload = this.uploads.get(query.get('uploadId')!)
    const number = Number(query.get('partNumber'))
    if (upload?.key !== key) return fault(404, 'NoSuchUpload')
    if (!(number >= 1 && number <= 10_000)) return fault(400, 'InvalidArgument')
    const tag = tagOf(body)
    upload.parts.set(number, { body: this.#kept(body), tag })
    return { status: 200, headers: { etag: tag } }
  }

  protected CompleteMultipartUpload({ key, query, headers, body }: S3Request): S3Answer {
    const id = query.get('uploadId')!
    const upload = this.uploads.get(id)
    if (upload?.key !== key) return fault(404, 'NoSuchUpload')
    const parts: Uint8Array[] = []
    let before = 0
    for (const [, part] of body.toString().matchAll(/<Part>(.*?)<\/Part>/g)) {
      const number = Number(/<PartNumber>(\d+)</.exec(part!)?.[1])
      const stored = upload.parts.get(number)
      if (stored?.tag !== plain(/<ETag>(.*?)</.exec(part!)![1]!)) return fault(400, 'InvalidPart')
      if (number <= before) return fault(400, 'InvalidPartOrder')
      parts.push(stored.body)
      before = number
    }
    if (parts.length === 0) return fault(400, 'MalformedXML')
    if (parts.slice(0, -1).some((part) => part.byteLength < LEAST_PART)) {
      return fault(400, 'EntityTooSmall')
    }
    const conditional = headers['if-none-match'] === '*' && this.keepsConditions.complete
    if (conditional && this.objects.has(key)) return fault(412, 'PreconditionFailed')
    this.uploads.delete(id)
    this.objects.set(key, this.#joined(parts))
    return xml(
      `<CompleteMultipartUploadResult><Key>${escaped(key)}</Key><ETag>"a-${parts.length}"</ETag>` +
        '</CompleteMultipartUploadResult>',
    )
  }

  protected AbortMultipartUpload({ query }: S3Request): S3Answer {
    return this.uploads.delete(query.get('uploadId')!)
      ? { status: 204 }
      : fault(404, 'NoSuchUpload')
  }

  protected ListMultipartUploads({ query }: S3Request): S3Answer {
    const prefix = query.get('prefix') ?? ''
    const marker = `${query.get('key-marker') ?? ''}\0${query.get('upload-id-marker') ?? ''}`
    const all = [...this.uploads]
      .map(([id, { key }]) => ({ id, key, sorted: `${key}\0${id}` }))
      .filter(({ key, sorted }) => key.startsWith(prefix) && sorted > marker)
      .toSorted((a, b) => (a.sorted < b.sorted ? -1 : 1))
    const page = all.slice(0, this.pageSize)
    const last = page.at(-1)
    const items = page.map(
      ({ id, key }) =>
        `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId>` +
        '<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>',
    )
    const next =
      last === undefined || page.length === all.length
        ? '<IsTruncated>false</IsTruncated>'
        : `<IsTruncated>true</IsTruncated><NextKeyMarker>${escaped(last.key)}</NextKeyMarker>` +
          `<NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
    return xml(`<ListMultipartUploadsResult>${next}${items.join('')}</ListMultipartUploadsResult>`)
  }

  #kept(body: Uint8Array): Uint8Array {
    return this.keepsBytes ? body : ZEROS.subarray(0, body.byteLength)
  }

  #joined(parts: readonly Uint8Array[]): Uint8Array {
    if (this.keepsBytes) return Buffer.concat(parts)
    return new Uint8Array(0)
  }
}

/** Where bytes are thrown away; larger than any part of a test. */
const ZEROS = new Uint8Array(64 * 1024 * 1024)

/** An answer with a fault, as S3 writes it. */
export function fault(status: number, code: string): S3Answer {
  const body = `<Error><Code>${code}</Code><Message>${code} of the stub</Message></Error>`
  return { ...xml(body), status }
}

function xml(body: string): S3Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  }
}

const tags = new WeakMap<Uint8Array, string>()

function tagOf(body: Uint8Array): string {
  const tag = tags.get(body) ?? `"${createHash('md5').update(body).digest('hex')}"`
  tags.set(body, tag)
  return tag
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const plain = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
