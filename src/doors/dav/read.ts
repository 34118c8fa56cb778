/** GET and HEAD: the bytes of a file, or a page that lists a folder. */
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { sendBytes } from '../../daemon/http/stream.ts'
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'
import { sendHead, sendValue } from '../../daemon/http/value-handlers.ts'
import { fileHeaders } from './file-headers.ts'
import { bytesOf, pathOf, ROOT, withFound, type Found } from './folder.ts'
import { PAGE_END, PAGE_POLICY, pageRow, pageStart } from './index-page.ts'
import { hrefOf, httpDateOf } from '../webdav.ts'

export async function read(call: DoorCall): Promise<void> {
  const path = pathOf(call)
  const { response, request } = call
  await withFound(call, path, false, async (found) => {
    const { resource, segments } = found
    const { key, name, boundMs } = resource
    if (resource.isFolder) {
      if (path.isFolder) return sendPage(call, found)
      // Links of a page are relative to its path.
      response.writeHead(301, { Location: hrefOf(ROOT, segments, true), 'Content-Length': 0 })
      response.end()
      return
    }
    for (const [header, value] of Object.entries(fileHeaders(name))) {
      response.setHeader(header, value)
    }
    if (boundMs !== undefined) response.setHeader('Last-Modified', httpDateOf(boundMs))
    const type = mediaTypeOf(name)
    await (request.method === 'HEAD' ? sendHead(call, key!, type) : sendValue(call, key!, type))
  })
}

async function sendPage(call: DoorCall, found: Found): Promise<void> {
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': PAGE_POLICY,
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  }
  if (call.request.method === 'HEAD') {
    call.response.writeHead(200, headers)
    call.response.end()
    return
  }
  await sendBytes(call, { status: 200, headers, bytes: bytesOf(rows(found)) })
}

async function* rows({ segments, members }: Found): AsyncGenerator<string> {
  let text = pageStart(['', 'dav', ...segments, ''].join('/'), segments.length === 0)
  for await (const some of members()) {
    yield text + some.map(pageRow).join('')
    text = ''
  }
  yield text + PAGE_END
}
