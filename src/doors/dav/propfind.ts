/** PROPFIND: the properties of a resource and, with `Depth: 1`, of what is in it. */
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { sendBytes } from '../../daemon/http/stream.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import { callOptions } from '../../daemon/http/call.ts'
import { bytesOf, pathOf, ROOT, withFound, type Found } from './folder.ts'
import { hrefOf, MULTISTATUS_END, MULTISTATUS_START, MULTISTATUS_TYPE } from '../webdav.ts'
import { responseWriter, type WriteResponse } from './properties.ts'
import { readWanted } from './propfind-body.ts'
import type { Resource } from './resource.ts'

export async function propfind(call: DoorCall): Promise<void> {
  const path = pathOf(call)
  const depth = String(call.request.headers['depth'] ?? 'infinity').toLowerCase()
  const write = responseWriter(await readWanted(call))
  if (depth === 'infinity') return refuseInfinity(call)
  if (depth !== '0' && depth !== '1') throw new HttpError(400, 'Depth is 0, 1 or infinity')
  await withFound(call, path, true, async (found) => {
    const { resource } = found
    const self = { ...resource, ...(await sizeOf(call, resource)) }
    const texts = listing(write, { ...found, resource: self }, depth === '1')
    const headers = { 'Content-Type': MULTISTATUS_TYPE }
    await sendBytes(call, { status: 207, headers, bytes: bytesOf(texts) })
  })
}

/** The size of a file that no directory states. */
async function sizeOf(
  { node, ...call }: DoorCall,
  { key, isFolder, size }: Resource,
): Promise<{ size?: number }> {
  if (isFolder || key === undefined || size !== undefined) return {}
  const facts = await node.index.stat(key, callOptions({ node, ...call }))
  if (facts === undefined) throw await noSuch('key', key, node)
  return { size: facts.size }
}

async function* listing(
  write: WriteResponse,
  { segments, resource, members }: Found,
  isDeep: boolean,
): AsyncGenerator<string> {
  const self = MULTISTATUS_START + write(hrefOf(ROOT, segments, resource.isFolder), resource)
  if (!isDeep || !resource.isFolder) {
    yield self + MULTISTATUS_END
    return
  }
  const base = hrefOf(ROOT, segments, true)
  let text = self
  for await (const some of members()) {
    for (const one of some) {
      text += write(`${base}${encodeURIComponent(one.name)}${one.isFolder ? '/' : ''}`, one)
    }
    yield text
    text = ''
  }
  yield text + MULTISTATUS_END
}

/** As RFC 4918, section 9.1.1 has it. The document says what a client may do instead. */
function refuseInfinity({ response }: DoorCall): void {
  const body =
    '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>\n'
  response.writeHead(403, {
    'Content-Type': MULTISTATUS_TYPE,
    'Content-Length': Buffer.byteLength(body),
  })
  response.end(body)
}
