/** PROPFIND of a build cache, as WebDAV clients send it before they write (R010-18 to R010-20). */
import { dropBody } from '../../../daemon/http/call.ts'
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { tagOf } from '../../../daemon/http/immediate/value-headers.ts'
import { sendBytes } from '../../../daemon/http/stream.ts'
import { Key } from '../../../hash/key.ts'
import { COMMON, nameAt } from '../../../index/lists/name-page.ts'
import { DIGEST_BYTES, DAV_BODY_BYTES } from '../../../limits.ts'
import type { NamePage } from '../../../node/node.ts'
import { isSegment } from '../../door-path.ts'
import {
  hrefOf,
  httpDateOf,
  MULTISTATUS_END,
  MULTISTATUS_START,
  MULTISTATUS_TYPE,
} from '../../webdav.ts'
import { entryName, entryOf } from '../entries.ts'

/** What the names of all entries begin with. */
const SPACES = 'cache/'

/** Responds with the properties of an entry, or of a collection and, at depth 1, of its members. */
export async function sendProperties(
  call: DoorCall,
  segments: readonly string[],
  isCollection: boolean,
): Promise<void> {
  const depth = depthOf(call)
  // Which properties are wanted makes no difference.
  await dropBody(call, DAV_BODY_BYTES)
  // What is percent-encoded needs no escapes in XML.
  const href = hrefOf('/cache', segments, false)
  if (!isCollection) {
    const name = entryName(...segments)
    const { key, size, boundAt } = await entryOf(call, name)
    const boundMs = boundAt === undefined ? NaN : Date.parse(boundAt)
    return send(call, once(entryXml(href, { key, size, boundMs })))
  }
  // A path that no entry below it can have.
  entryName(...segments, '-')
  const path = segments.length === 0 ? href : `${href}/`
  if (depth === 0) return send(call, once(collectionXml(path)))
  const prefix = [SPACES, ...segments.map((segment) => `${segment}/`)].join('')
  const pages = call.node.index.namePages(prefix, { delimiter: '/', signal: call.signal })
  return send(call, membersXml(path, prefix, pages))
}

/** A listing of all below a path has no bound, so a client asks level by level (RFC 4918, 9.1). */
function depthOf({ request }: DoorCall): 0 | 1 {
  const { depth = 'infinity' } = request.headers
  if (depth === '0' || depth === '1') return depth === '0' ? 0 : 1
  throw new HttpError(403, 'a PROPFIND needs `Depth: 0` or `Depth: 1`')
}

interface Entry {
  readonly key: Key
  /** NaN: not known. */
  readonly size: number
  /** NaN: not known. */
  readonly boundMs: number
}

function entryXml(href: string, { key, size, boundMs }: Entry): string {
  const length = Number.isNaN(size) ? '' : `<D:getcontentlength>${size}</D:getcontentlength>`
  const date = Number.isNaN(boundMs) ? 0 : boundMs
  const modified = `<D:getlastmodified>${httpDateOf(date)}</D:getlastmodified>`
  const tag = `<D:getetag>${tagOf(key)}</D:getetag>`
  return responseXml(href, `<D:resourcetype/>${length}${modified}${tag}`)
}

const collectionXml = (href: string): string =>
  responseXml(
    href.endsWith('/') ? href : `${href}/`,
    '<D:resourcetype><D:collection/></D:resourcetype>' +
      `<D:getlastmodified>${httpDateOf(0)}</D:getlastmodified>`,
  )

const responseXml = (href: string, properties: string): string =>
  `<D:response><D:href>${href}</D:href><D:propstat><D:prop>${properties}</D:prop>` +
  '<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\n'

async function* once(text: string): AsyncGenerator<string> {
  yield text
  await Promise.resolve()
}

async function* membersXml(
  path: string,
  prefix: string,
  pages: AsyncIterable<NamePage>,
): AsyncGenerator<string> {
  // With the first page: a list that fails at once, as without Global, is refused and not cut.
  let text = collectionXml(path)
  const base = path.endsWith('/') ? path : `${path}/`
  for await (const page of pages) {
    for (let i = 0; i < page.count; i++) text += memberXml(base, prefix, page, i)
    yield text
    text = ''
  }
  yield text
}

/** Empty for a name that no path of this door leads to, as one that was bound past it. */
function memberXml(base: string, prefix: string, page: NamePage, i: number): string {
  const isCommon = page.kinds[i] === COMMON
  const name = nameAt(page, i).slice(prefix.length)
  const segment = isCommon ? name.slice(0, -1) : name
  const isDirectory = page.directories[i] === 1
  if (!isSegment(segment) || segment.includes('\ufffd') || isDirectory) return ''
  // One segment behind the root names a space.
  if (prefix === SPACES && !isCommon) return ''
  const href = base + encodeURIComponent(segment)
  if (isCommon) return collectionXml(href)
  const digest = page.digests.slice(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES)
  return entryXml(href, {
    key: new Key(digest),
    size: page.sizes[i]!,
    boundMs: page.boundMs[i]!,
  })
}

/** Responds as fast as the client reads: a level may have any number of names. */
function send(call: DoorCall, responses: AsyncIterable<string>): Promise<void> {
  const bytes = (async function* (): AsyncGenerator<Uint8Array> {
    let text = MULTISTATUS_START
    for await (const response of responses) {
      yield Buffer.from(text + response)
      text = ''
    }
    yield Buffer.from(text + MULTISTATUS_END)
  })()
  const headers = { 'Content-Type': MULTISTATUS_TYPE }
  return sendBytes(call, { status: 207, headers, bytes })
}
