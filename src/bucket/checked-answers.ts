/** What the client made of an answer, checked: the server may have sent anything. */
import type { ByteRange } from '../hash/tree/tree.ts'
import { ARCHIVE_PAGE_OBJECTS } from '../limits.ts'
import { AnswerError, readBody } from './answers.ts'
import type { ListedObject, ObjectPage, UnfinishedUpload } from './object-store.ts'

/** S3's bound is 1,024 bytes. */
const KEY_CHARACTERS = 1_024
/** Of ids of uploads and tags of parts, which are returned to the server. */
const TAG_CHARACTERS = 1_024

/** A number of bytes. */
export function bytesOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new AnswerError('the answer states no length')
}

/** The id of an upload, or the tag of a part or an object, without which it is no answer of S3. */
export function tagOf(value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= TAG_CHARACTERS) return value
  throw new AnswerError('the answer has no id')
}

interface Answered {
  readonly Body?: unknown
  readonly ETag?: string | undefined
  readonly ContentLength?: number | undefined
  readonly ContentRange?: string | undefined
}

/** The bytes of an object, at most `most`: exactly those of the range that it has. */
export async function readObject(
  { Body, ETag, ContentLength, ContentRange }: Answered,
  {
    range,
    most,
    onBytes,
  }: { readonly range: ByteRange | undefined; readonly most: number; readonly onBytes: () => void },
): Promise<Uint8Array> {
  try {
    tagOf(ETag)
    const expected = expectedBytes(ContentLength, ContentRange, range)
    if (expected > most) throw new AnswerError(`the server sends more than ${most} bytes`)
    const bytes = await readBody(Body, most, onBytes)
    if (bytes.byteLength === expected) return bytes
    // The connection ended, and nothing else said so.
    throw Object.assign(new Error('the answer is too short'), { code: 'ECONNRESET' })
  } catch (error) {
    ;(Body as { destroy?: () => unknown } | undefined)?.destroy?.()
    throw error
  }
}

function expectedBytes(
  stated: number | undefined,
  contentRange: string | undefined,
  range: ByteRange | undefined,
): number {
  const bytes = bytesOf(stated)
  if (range === undefined) return bytes
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(contentRange ?? '')
  // Without a range it is the whole object.
  const [first, last, size] = match?.slice(1).map(Number) ?? [0, bytes - 1, bytes]
  const end = Math.min(range.end, size!)
  if (first !== range.start || last !== end - 1 || bytes !== end - first) {
    throw new AnswerError('the server sends another range than the one that was asked for')
  }
  return bytes
}

interface Listed {
  readonly Key?: string | undefined
  readonly Size?: number | undefined
}

interface ListAnswer {
  readonly Contents?: readonly Listed[] | undefined
  readonly IsTruncated?: boolean | undefined
}

/** A page of a list: no more than was asked for, of these keys only, in their order. */
export function pageOf(
  { Contents = [], IsTruncated }: ListAnswer,
  asked: { readonly begin: string; readonly prefix: string; readonly after: string | undefined },
): ObjectPage {
  checkCount(Contents)
  let before = asked.after
  const objects = Contents.map(({ Key, Size }): ListedObject => {
    const key = keyOf(Key, asked.begin, asked.prefix)
    if (before !== undefined && compare(before, key) >= 0) {
      throw new AnswerError('the server does not list keys in their order')
    }
    before = key
    return { key, size: bytesOf(Size) }
  })
  return { objects, more: moreOf(IsTruncated) }
}

/** Every list of S3 says so: else an answer without text would be a bucket without objects. */
function moreOf(isTruncated: unknown): boolean {
  if (typeof isTruncated === 'boolean') return isTruncated
  throw new AnswerError('the answer is no list')
}

interface ListedUpload {
  readonly Key?: string | undefined
  readonly UploadId?: string | undefined
}

interface UploadsAnswer {
  readonly Uploads?: readonly ListedUpload[] | undefined
  readonly IsTruncated?: boolean | undefined
}

export function uploadsOf(
  { Uploads = [], IsTruncated }: UploadsAnswer,
  begin: string,
  prefix: string,
): readonly UnfinishedUpload[] {
  checkCount(Uploads)
  moreOf(IsTruncated)
  return Uploads.map(({ Key, UploadId }) => ({
    key: keyOf(Key, begin, prefix),
    id: tagOf(UploadId),
  }))
}

function checkCount(items: readonly unknown[]): void {
  if (items.length > ARCHIVE_PAGE_OBJECTS) {
    throw new AnswerError(`the server lists more than ${ARCHIVE_PAGE_OBJECTS} objects`)
  }
}

/** A key below the place, without what comes before it. */
function keyOf(key: string | undefined, begin: string, prefix: string): string {
  if (key?.startsWith(begin + prefix) === true && key.length <= KEY_CHARACTERS) {
    return key.slice(begin.length)
  }
  throw new AnswerError('the server lists keys that were not asked for')
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
