/** What says that a place in a bucket is an archive, and which (specs/011-archive.md, "Format"). */
import { toHex } from '../bytes.ts'
import type { ObjectStore } from '../bucket/object-store.ts'
import { DstoreError } from '../errors.ts'

const KEY = 'set.json'
const FORMAT = 1
const ID_BYTES = 16
const ID = /^[0-9a-f]{32}$/
const MOST_BYTES = 4096

/** Makes an archive of the place, if it is none. Errors: as of `readSet`. */
export async function makeSet(
  objects: ObjectStore,
  random: (length: number) => Uint8Array,
): Promise<string> {
  const found = await readSet(objects)
  if (found !== undefined) return found
  const id = toHex(Uint8Array.from(random(ID_BYTES)))
  const body = new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, id })}\n`)
  await objects.put(KEY, body, { ifAbsent: true })
  // Another node may have made it first.
  const made = await readSet(objects)
  if (made === undefined) throw new DstoreError('integrity', `${objects.place} lost its ${KEY}`)
  return made
}

/** The id of the archive; undefined if there is none. Errors: `integrity`, `incompatible`. */
export async function readSet(objects: ObjectStore): Promise<string | undefined> {
  const bytes = await objects.get(KEY, { range: { start: 0, end: MOST_BYTES + 1 } })
  if (bytes === undefined) return undefined
  const what = `${KEY} in ${objects.place}`
  const { format, id } = bytes.byteLength > MOST_BYTES ? {} : parsed(bytes)
  if (typeof format === 'number' && Number.isInteger(format) && format > FORMAT) {
    const message = `${what} has format ${format}, and this version reads ${FORMAT}`
    throw new DstoreError('incompatible', message, { hint: 'use a later version of dstore' })
  }
  if (format === FORMAT && typeof id === 'string' && ID.test(id)) return id
  throw new DstoreError('integrity', `${what} is not that of an archive`, {
    hint: 'give a place of its own, such as another prefix',
  })
}

function parsed(bytes: Uint8Array): { readonly format?: unknown; readonly id?: unknown } {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
