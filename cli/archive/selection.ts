/** The values that an export writes, with their names; small ones already with their bytes. */
import { gather } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { keyKindOf } from '../../src/hash/key-text.ts'
import { parseKey, type Key } from '../../src/hash/key.ts'
import { PIECE_BYTES } from '../../src/limits.ts'
import { resolveKey, type Reference } from '../input/references.ts'
import { mapConcurrently } from './map-concurrently.ts'
import { TreeSelection, bytesKey, type UnavailableValue } from './tree-selection.ts'

/** Requests in flight. Bounds memory too: each may hold one small value. */
const FETCHED_AT_ONCE = 16

export interface SelectedValue {
  readonly facts: FactsAnswer
  /** Undefined for a large value: it is fetched when it is written. */
  readonly bytes: Uint8Array | undefined
}

export type Selection = AsyncGenerator<SelectedValue | UnavailableValue, void, undefined>

/** Every value, in the order of keys, directories before the others. */
export async function* allValues(client: Client): Selection {
  const keys = async function* (): AsyncGenerator<string> {
    for (const kind of ['directory', 'bytes'] as const) {
      for await (const { key } of client.keys()) if (keyKindOf(key) === kind) yield key
    }
  }
  for await (const found of select(client, keys())) {
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
): Selection {
  const keys = async function* (): AsyncGenerator<string | UnavailableValue> {
    const values = new Map<string, Key>()
    for (const reference of references.values()) {
      try {
        const key = parseKey(await resolveKey(client, reference))
        values.set(key.toString(), key)
      } catch (error) {
        yield { text: reference.text, fault: asDstoreError(error) }
      }
    }
    const trees = new TreeSelection(client)
    for (const key of values.values()) if (key.kind === 'directory') yield* trees.directories(key)
    yield* trees.files()
    for (const [text, key] of values) if (key.kind === 'bytes' && trees.isNew(key)) yield text
  }
  return select(client, keys())
}

function select(client: Client, keys: AsyncIterable<string | UnavailableValue>): Selection {
  return mapConcurrently(keys, FETCHED_AT_ONCE, async (key) => {
    if (typeof key !== 'string') return key
    try {
      // One by one: the answer for several keys has no names.
      const facts = await client.facts(key)
      if (!facts.confirmed) {
        throw new DstoreError('unreachable', 'Global is away, and only Global knows all names')
      }
      const isSmall = facts.size <= PIECE_BYTES
      return {
        facts,
        bytes: isSmall ? await gather((await client.get(bytesKey(key))).bytes) : undefined,
      }
    } catch (error) {
      return { text: key, fault: asDstoreError(error) }
    }
  })
}
