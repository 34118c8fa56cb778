/** Answers requests for blocks by CID (specs/010-doors.md, R010-90 to R010-104). */
import { DstoreError } from '../../errors.ts'
import { BLOCK_AGE_S, FILENAME_CHARACTERS, RETRY_AFTER_S } from '../../limits.ts'
import { callOptions, type HttpCall } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { BYTES_TYPE } from '../../daemon/http/trees/media-types.ts'
import { sendHead, sendValue, type OwnHeaders } from '../../daemon/http/value-handlers.ts'
import { attachment } from '../content-disposition.ts'
import { segmentsOf } from '../door-path.ts'
import { checkWantsRaw, RAW_TYPE } from './accept.ts'
import { findBlock, type Block } from './block.ts'

/** Lets pages of every origin read these blocks: they are public, or need a token. */
const CORS: readonly (readonly [name: string, value: string])[] = [
  ['Access-Control-Allow-Origin', '*'],
  [
    'Access-Control-Expose-Headers',
    'Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Retry-After, X-Ipfs-Path, X-Ipfs-Roots',
  ],
  ['Cross-Origin-Resource-Policy', 'cross-origin'],
]

const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, HEAD, OPTIONS',
  'Access-Control-Allow-Headers':
    'Accept, Cache-Control, Content-Type, If-Match, If-None-Match, If-Range, Range, User-Agent, X-Requested-With',
  'Access-Control-Max-Age': '86400',
  'Content-Length': '0',
}

/** GET, HEAD and OPTIONS of `/ipfs/{cid}`: a raw block, as the trustless gateway's spec says. */
export function ipfsBlock(call: DoorCall): Promise<void> {
  return answered(call, async (cid) => {
    checkWantsRaw(call.query, call.request.headers.accept)
    const shown = encodeURIComponent(cid)
    await sendBlock(call, cid, RAW_TYPE, {
      tag: `"${shown}.raw"`,
      headers: {
        ...blockHeaders(call, shown),
        'X-Ipfs-Path': `/ipfs/${shown}`,
        'X-Ipfs-Roots': shown,
      },
    })
  })
}

/** GET, HEAD and OPTIONS of `/.well-known/rasl/{cid}`: the same bytes, by DASL's RASL. */
export function raslBlock(call: DoorCall): Promise<void> {
  return answered(call, async (cid) => {
    const shown = encodeURIComponent(cid)
    await sendBlock(call, cid, BYTES_TYPE, {
      tag: `"${shown}"`,
      headers: blockHeaders(call, shown),
    })
  })
}

/** What both paths do alike: `answer` gets the text of the CID. */
async function answered(call: DoorCall, answer: (cid: string) => Promise<void>): Promise<void> {
  const { request, response, rest } = call
  for (const [name, value] of CORS) response.setHeader(name, value)
  if (request.method === 'OPTIONS') {
    response.writeHead(204, PREFLIGHT).end()
    return
  }
  // A worker would take control of every page below the path of its script.
  if (request.headers['service-worker'] === 'script') {
    throw new HttpError(400, 'no block is the script of a service worker')
  }
  const [cid, ...path] = segmentsOf(rest)
  if (cid === undefined) throw new HttpError(400, 'the path ends with a CID')
  if (path.length > 0) {
    throw new HttpError(400, 'a raw block has no paths', {}, 'usage', 'ask for the CID alone')
  }
  try {
    await answer(cid)
  } catch (error) {
    if (isAway(error) && !response.headersSent) response.setHeader('Retry-After', RETRY_AFTER_S)
    throw error
  }
}

async function sendBlock(
  call: DoorCall,
  cid: string,
  type: string,
  own: OwnHeaders,
): Promise<void> {
  const { request } = call
  const { key, node } = isOnlyIfCached(call)
    ? await cachedBlock(call, cid)
    : await findBlock(call, cid)
  const send = request.method === 'HEAD' ? sendHead : sendValue
  await send({ ...call, node }, key, type, own)
}

/** The block, if this node has all of its bytes. Throws 412 otherwise: nothing is fetched. */
async function cachedBlock(call: DoorCall, cid: string): Promise<Block> {
  const refused = (): HttpError => new HttpError(412, 'this node does not hold the block')
  try {
    const block = await findBlock(call, cid)
    const facts = await block.node.index.stat(block.key, callOptions(call))
    if (facts === undefined || facts.heldBytes < facts.size) throw refused()
    return block
  } catch (error) {
    throw isMissing(error) ? refused() : error
  }
}

const isOnlyIfCached = ({ request }: HttpCall): boolean =>
  /(^|,)\s*only-if-cached\s*(,|$)/i.test(request.headers['cache-control'] ?? '')

/** Headers of a block; `shown` is its CID as header lines may have it. */
function blockHeaders({ query, request }: DoorCall, shown: string): Record<string, string> {
  const filename = query.get('filename') ?? ''
  if (filename.length > FILENAME_CHARACTERS) {
    throw new HttpError(400, `a file name has at most ${FILENAME_CHARACTERS} characters`)
  }
  // A cache that several users share must not give them what one of them needed a token for.
  const scope = request.headers.authorization === undefined ? 'public' : 'private'
  return {
    'Cache-Control': `${scope}, max-age=${BLOCK_AGE_S}, immutable`,
    'Content-Disposition': attachment(filename === '' ? `${shown}.bin` : filename),
  }
}

const AWAY: ReadonlySet<string> = new Set(['unreachable', 'timeout', 'busy'])

const isAway = (error: unknown): boolean => error instanceof DstoreError && AWAY.has(error.code)

const isMissing = (error: unknown): boolean =>
  isAway(error) || (error instanceof DstoreError && error.code === 'not-found')
