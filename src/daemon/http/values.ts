/** The API's calls on values (specs/007, "HTTP API"). */
import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { DstoreError } from '../../errors.ts'
import { VALUE_BYTES } from '../../limits.ts'
import type { Key } from '../../hash/key.ts'
import type { ReadableValue } from '../../node/node.ts'
import { KEY_HEADER, SIZE_HEADER } from '../api/api.ts'
import type { EvictAnswer, FactsAnswer, KeyLine, PutAnswer, RemoveAnswer } from '../api/api.ts'
import { sendEvents } from './events.ts'
import { bodyOf, callOptions, keyMeantBy, keyOf, readJson, sendJson, stayingAwake } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './listing.ts'
import { parseRangeHeader } from './range-header.ts'
import { sendBytes } from './stream.ts'

/** POST /v1/values: the body is the value; `?name=` is bound in the same change. */
export async function putBytes(exchange: HttpCall): Promise<void> {
  const { request, served, query } = exchange
  const name = query.get('name')
  const length = request.headers['content-length']
  const size = length === undefined ? undefined : Number(length)
  if (size !== undefined && size > VALUE_BYTES) {
    throw new DstoreError('too-large', `a value has at most ${VALUE_BYTES} bytes`)
  }
  const bytes = bodyOf(exchange)
  const source = size === undefined ? { bytes } : { bytes, size }
  const { key, existed, ...rest } = await served.node.put(source, {
    ...callOptions(exchange),
    ...(name !== null && { name }),
  })
  const answer: PutAnswer = { key: key.toString(), size: rest.size, existed }
  sendJson(exchange, existed ? 200 : 201, answer, { Location: `/v1/values/${answer.key}` })
}

/** POST /v1/files {"path", "name"}: the daemon reads the file. Only on a socket that is its user's alone (R007-19). */
export async function putFile(exchange: HttpCall): Promise<void> {
  const { path, name } = await readJson(exchange)
  const { entrance, served } = exchange
  if (!entrance.readsFiles || (statSync(served.socket).mode & 0o077) !== 0) {
    throw new DstoreError('not-permitted', 'files are read only for those whose daemon it is', {
      hint: 'send the bytes to /v1/values',
    })
  }
  if (typeof path !== 'string' || !isAbsolute(path) || path.includes('\0')) {
    throw new DstoreError('usage', 'path must be an absolute path')
  }
  if (name !== undefined && typeof name !== 'string') {
    throw new DstoreError('usage', 'name must be a text')
  }
  const options = { ...callOptions(exchange), ...(name !== undefined && { name }) }
  await sendEvents<PutAnswer>(exchange, async (onProgress) => {
    const { key, size, existed } = await served.node.put({ path }, { ...options, onProgress })
    return { key: key.toString(), size, existed }
  })
}

/** GET /v1/values/{key}, whole or one range of it. */
export async function getValue(exchange: HttpCall): Promise<void> {
  const { request, response, served } = exchange
  const key = await keyMeantBy(exchange)
  const tag = `"${key.toString()}"`
  // A value never changes, so `If-Range` with another tag names another value: the whole of this one is right.
  const ifRange = request.headers['if-range']
  const wanted = ifRange === undefined || ifRange === tag ? request.headers.range : undefined
  const range = parseRangeHeader(wanted)
  let value: ReadableValue
  try {
    value = await served.node.get(key, {
      ...callOptions(exchange),
      ...(range === undefined ? {} : { range }),
    })
  } catch (error) {
    if (error instanceof DstoreError && error.code === 'range') await nameSize(exchange, key)
    throw error
  }
  if (matches(request.headers['if-none-match'], tag)) {
    response.writeHead(304, { ETag: tag })
    response.end()
    return
  }
  const { start, end } = value.range
  await sendBytes(exchange, {
    status: range === undefined ? 200 : 206,
    headers: {
      ...valueHeaders(key.toString(), value.size),
      ...(range === undefined
        ? {}
        : { 'Content-Range': `bytes ${start}-${end - 1}/${value.size}` }),
    },
    length: end - start,
    bytes: value.bytes,
  })
}

/** HEAD /v1/values/{key}: as GET of the whole, without a byte of it being fetched. */
export async function headValue(exchange: HttpCall): Promise<void> {
  const { key, size } = await facts(exchange)
  const { response } = exchange
  response.writeHead(200, { ...valueHeaders(key, size), 'Content-Length': size })
  response.end()
}

/** GET /v1/values/{key}/facts */
export async function valueFacts(exchange: HttpCall): Promise<void> {
  sendJson(exchange, 200, await facts(exchange))
}

/** DELETE /v1/values/{key}, with `?force=1` also where it has names. */
export async function removeValue(exchange: HttpCall): Promise<void> {
  const options = { ...callOptions(exchange), force: exchange.query.get('force') === '1' }
  const { key, ...rest } = await stayingAwake(exchange, () =>
    exchange.served.node.index.remove(keyOf(exchange), options),
  )
  sendJson(exchange, 200, { key: key.toString(), ...rest } satisfies RemoveAnswer)
}

/** POST /v1/values/{key}/prefetch */
export async function prefetchValue(exchange: HttpCall): Promise<void> {
  const key = await keyMeantBy(exchange)
  const options = callOptions(exchange)
  await sendEvents<{ readonly key: string }>(exchange, async (onProgress) => {
    await exchange.served.node.prefetch(key, { ...options, onProgress })
    return { key: key.toString() }
  })
}

/** POST /v1/values/{key}/evict */
export async function evictValue(exchange: HttpCall): Promise<void> {
  const key = await keyMeantBy(exchange)
  const freedBytes = await exchange.served.node.evict(key)
  sendJson(exchange, 200, { key: key.toString(), freedBytes } satisfies EvictAnswer)
}

/** GET /v1/keys: a line for every key. */
export function listKeys(exchange: HttpCall): Promise<void> {
  return sendLines(exchange, keysOf(exchange))
}

async function facts(exchange: HttpCall): Promise<FactsAnswer> {
  const key = await keyMeantBy(exchange)
  const found = await exchange.served.node.index.stat(key, callOptions(exchange))
  if (found === undefined) throw new DstoreError('not-found', `no such key: ${key.toString()}`)
  const { key: _, ...rest } = found
  return { key: key.toString(), ...rest }
}

async function* keysOf(exchange: HttpCall): AsyncGenerator<KeyLine> {
  for await (const { key, size } of exchange.served.node.index.keys(callOptions(exchange))) {
    yield { key: key.toString(), size }
  }
}

/** RFC 9110 wants the size named where no byte of the range exists. */
async function nameSize(exchange: HttpCall, key: Key): Promise<void> {
  const found = await exchange.served.node.index.stat(key, callOptions(exchange))
  if (found !== undefined) exchange.response.setHeader('Content-Range', `bytes */${found.size}`)
}

function valueHeaders(key: string, size: number): Record<string, string | number> {
  return {
    'Content-Type': 'application/octet-stream',
    'Accept-Ranges': 'bytes',
    ETag: `"${key}"`,
    [KEY_HEADER]: key,
    [SIZE_HEADER]: size,
  }
}

function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  return header
    .split(',')
    .some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)
}
