/** The values that an export writes, with their names; small ones already with their bytes. */
import { gather } from '../../src/bytes.ts'
import { asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { SMALL_VALUE_BYTES, type SmallValues } from '../../src/daemon/client/small-values.ts'
import { keyKindOf } from '../../src/hash/key-text.ts'
import { parseKey, type Key } from '../../src/hash/key.ts'
import { PIECE_BYTES } from '../../src/limits.ts'
import { keyOfWord, type Reference } from '../input/references.ts'
import { mapConcurrently } from './map-concurrently.ts'
import type { ArchivedName } from './names-file.ts'
import {
  TreeSelection,
  bytesKey,
  type UnavailableValue,
  type WantedValue,
} from './tree-selection.ts'
import { ValueNames } from './value-names.ts'

/** Gets small values without `node:http`; undefined for one that the client is to get. */
export type SmallReader = Pick<SmallValues, 'get'>

/** Requests in flight. Bounds memory too: each may hold one small value. */
const FETCHED_AT_ONCE = 16

export interface SelectedValue {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** In order, so that the same values and names make the same archive. */
  readonly names: readonly ArchivedName[]
  /** Undefined for a large value: it is fetched when it is written. */
  readonly bytes: Uint8Array | undefined
}

export type Selection = AsyncGenerator<SelectedValue | UnavailableValue, void, undefined>

/** Every value, in the order of keys, directories before the others. */
export async function* allValues(client: Client, small?: SmallReader): Selection {
  const values = async function* (): AsyncGenerator<WantedValue> {
    for (const kind of ['directory', 'bytes'] as const) {
      for await (const { key, size } of client.keys()) {
        if (keyKindOf(key) === kind) yield { key, size }
      }
    }
  }
  // All names are wanted: one list has them.
  for await (const found of select({ client, small }, values(), new ValueNames(client, 0))) {
    // Removed after it was listed: no longer one of all values.
    if ('fault' in found && ['not-found', 'removed'].includes(found.fault.code)) continue
    yield found
  }
}

/**
 * The referenced values and what is below those that are directories, each once: the directories
 * first, then the others in the order of the references.
 */
export function referencedValues(
  client: Client,
  references: ReadonlyMap<string, Reference>,
  small?: SmallReader,
): Selection {
  const wanted = async function* (): AsyncGenerator<WantedValue | UnavailableValue> {
    const values = new Map<string, Key>()
    for (const reference of references.values()) {
      try {
        const key = parseKey(await keyOfWord(client, reference))
        values.set(key.toString(), key)
      } catch (error) {
        yield { text: reference.text, fault: asDstoreError(error) }
      }
    }
    const trees = new TreeSelection(client)
    for (const key of values.values()) if (key.kind === 'directory') yield* trees.directories(key)
    yield* trees.files()
    for (const [text, key] of values) {
      if (key.kind === 'bytes' && trees.isNew(key)) yield { key: text, size: undefined }
    }
  }
  return select({ client, small }, wanted(), new ValueNames(client))
}

async function* select(
  { client, small }: { readonly client: Client; readonly small: SmallReader | undefined },
  wanted: AsyncIterable<WantedValue | UnavailableValue>,
  names: ValueNames,
): Selection {
  try {
    yield* mapConcurrently(wanted, FETCHED_AT_ONCE, async (value) => {
      if ('fault' in value) return value
      const { key } = value
      try {
        const size = value.size ?? (await client.facts(key)).size
        const isSmall = size <= PIECE_BYTES
        const whole = size <= SMALL_VALUE_BYTES ? await small?.get(bytesKey(key), size) : undefined
        const bytes =
          whole ?? (isSmall ? await gather((await client.get(bytesKey(key))).bytes) : undefined)
        return { key, size, names: await names.of(key), bytes }
      } catch (error) {
        return { text: key, fault: asDstoreError(error) }
      }
    })
  } finally {
    await names.close()
  }
}
