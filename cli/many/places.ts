/**
 * Where `get --output-dir` writes what it is asked for: to the path that a name spells below the
 * directory, else to the key (R007-443).
 */
import type { Client } from '../../src/daemon/client/client.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import { foldersAbove } from '../../src/tree/folders-above.ts'
import type { Reference } from '../input/references.ts'
import { maySpell, spelledKey } from '../input/spelling.ts'
import { isPartialName } from '../terminal/partial-file.ts'

/** The most bytes that file systems take for the name of a file. */
const FILE_NAME_BYTES = 255

/** The path below the directory; undefined for a value that is called by its key. */
const placeOf = ({ text, type }: Reference): string | undefined =>
  type === 'name' ? text : undefined

/** The same of a word that a daemon knows: what spells a key is called by the key, unless bound. */
export async function placeOfWord(
  client: Client,
  reference: Reference,
): Promise<string | undefined> {
  const { text, type } = reference
  if (type !== 'name') return undefined
  if (!maySpell(text) || (await isBound(client, text))) return checkedPlaceOf(reference)
  const spelled = await spelledKey(() => client, text)
  return spelled === undefined ? checkedPlaceOf(reference) : undefined
}

async function isBound(client: Client, text: string): Promise<boolean> {
  try {
    await client.lookup(text)
    return true
  } catch (error) {
    if (asDstoreError(error).code === 'not-found') return false
    throw error
  }
}

/** Throws `usage` for a name that is no path below a folder. */
function checkedPlaceOf(reference: Reference): string | undefined {
  const place = placeOf(reference)
  const fault = place === undefined ? undefined : faultOfPath(place)
  if (fault === undefined) return place
  throw new DstoreError('usage', `${place} names no file below a directory: ${fault}`, {
    hint: 'get it by its key, which `dstore stat` prints, or alone with -o FILE',
  })
}

/** Throws `usage` for a name that is no path below a folder, and for one below another one. */
export function checkPlaces(references: Iterable<Reference>): readonly string[] {
  const places = new Set<string>()
  for (const reference of references) {
    // Whether such a word is a name is known once it was asked for.
    const place = maySpell(reference.text) ? undefined : checkedPlaceOf(reference)
    if (place !== undefined) places.add(place)
  }
  for (const place of places) {
    for (const above of foldersAbove(place)) {
      if (!places.has(above)) continue
      throw new DstoreError('usage', `${above} cannot be a file and the folder of ${place}`, {
        hint: 'get one of them into another directory',
      })
    }
  }
  return [...places]
}

function faultOfPath(place: string): string | undefined {
  if (place.startsWith('/')) return 'it is absolute'
  const parts = place.split('/')
  if (parts.includes('')) return 'it has an empty part'
  if (parts.includes('.') || parts.includes('..')) return 'it has a part . or ..'
  if (place.includes('\0')) return 'it has a NUL'
  if (parts.some((part) => Buffer.byteLength(part) > FILE_NAME_BYTES)) {
    return `it has a part of more than ${FILE_NAME_BYTES} bytes`
  }
  // The next command would take it for what a killed one left.
  if (parts.some(isPartialName)) return 'it has a part that is called as temporary files are'
  return undefined
}
