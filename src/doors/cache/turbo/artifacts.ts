/** Artifacts of Turborepo: entries with a head (specs/010-doors.md, R010-30 to R010-35). */
import { callOptions } from '../../../daemon/http/call.ts'
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import { HttpError } from '../../../daemon/http/http-error.ts'
import { sendBytes } from '../../../daemon/http/stream.ts'
import { BYTES_TYPE } from '../../../daemon/http/trees/media-types.ts'
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import { TURBO_HEAD_BYTES } from '../../../limits.ts'
import { checkWord, entryBody, entryName, withEntry, writeEntry } from '../entries.ts'
import { decodeHead, encodeHead, factsIn, headersOf, type Facts } from './artifact-head.ts'

/** What the artifact of a hash is, without its bytes. */
export interface ArtifactFacts {
  readonly facts: Facts
  /** Of the artifact alone. */
  readonly size: number
}

/** The team of requests that name none. */
const NO_TEAM = 'default'

/** The name of an artifact: its team is a space. Throws 400 for what can be neither. */
export function artifactName({ query }: DoorCall, hash: string): string {
  const team = query.get('teamId') ?? query.get('slug') ?? NO_TEAM
  return entryName('turbo', checkWord('team', team), checkWord('hash', hash))
}

/** Responds to GET with an artifact, and to HEAD with its headers. */
export function sendArtifact(call: DoorCall, name: string): Promise<void> {
  if (call.request.method === 'HEAD') return sendFacts(call, name)
  return withEntry(call, name, async (key) => {
    const { size, bytes } = await call.node.get(key, callOptions(call))
    const pieces = bytes[Symbol.asyncIterator]()
    try {
      const { facts, length, rest } = await splitHead(pieces, name)
      await sendBytes(call, {
        status: 200,
        headers: headersFor(facts),
        length: size - length,
        bytes: restOf(rest, pieces),
      })
    } finally {
      await pieces.return?.()
    }
  })
}

async function sendFacts(call: DoorCall, name: string): Promise<void> {
  const { facts, size } = await readFacts(call, name)
  call.response.writeHead(200, { ...headersFor(facts), 'Content-Length': size })
  call.response.end()
}

/** What an artifact is. Throws `not-found` for a miss. */
export function readFacts(call: DoorCall, name: string): Promise<ArtifactFacts> {
  return withEntry(call, name, async (key: Key) => {
    const range = { start: 0, end: TURBO_HEAD_BYTES }
    const value = await call.node.get(key, { ...callOptions(call), range }).catch(notEmpty)
    if (value === undefined) throw noArtifact(name)
    const pieces = value.bytes[Symbol.asyncIterator]()
    try {
      const { facts, length } = await splitHead(pieces, name)
      return { facts, size: value.size - length }
    } finally {
      await pieces.return?.()
    }
  })
}

/** An empty value has no range. */
function notEmpty(error: unknown): undefined {
  if (!(error instanceof DstoreError) || error.code !== 'range') throw error
}

/** Writes an artifact; the facts about it are in the headers. */
export async function writeArtifact(call: DoorCall, name: string): Promise<void> {
  const facts = factsIn(call.request.headers)
  if ('unfit' in facts) throw new HttpError(400, `the header ${facts.unfit} is not fit to be kept`)
  const head = encodeHead(facts)
  const { bytes, size } = entryBody(call)
  const source = { bytes: restOf(head, bytes[Symbol.asyncIterator]()) }
  const length = size === undefined ? {} : { size: size + head.byteLength }
  await writeEntry(call, name, { ...source, ...length })
}

/** Reads on until the head is there. `rest` is what came with it of the artifact. */
async function splitHead(
  pieces: AsyncIterator<Uint8Array>,
  name: string,
): Promise<{ readonly facts: Facts; readonly length: number; readonly rest: Uint8Array }> {
  let start = new Uint8Array()
  for (;;) {
    const next = await pieces.next()
    // A piece is valid until the next is asked for.
    if (next.done !== true) start = Buffer.concat([start, next.value])
    const head = decodeHead(start)
    if (head !== undefined) return { ...head, rest: start.subarray(head.length) }
    if (next.done === true || start.byteLength >= TURBO_HEAD_BYTES) throw noArtifact(name)
  }
}

const noArtifact = (name: string): DstoreError =>
  new DstoreError('not-found', `${name} is no artifact of Turborepo`)

async function* restOf(
  first: Uint8Array,
  pieces: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.byteLength > 0) yield first
    for (;;) {
      const next = await pieces.next()
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await pieces.return?.()
  }
}

const headersFor = (facts: Facts): Record<string, string> => ({
  'Content-Type': BYTES_TYPE,
  ...headersOf(facts),
})
