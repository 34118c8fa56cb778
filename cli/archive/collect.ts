/** What is to go into an archive: values with their names, small ones at once with their bytes. */
import { gather } from '../../src/bytes.ts'
import { DstoreError, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { PIECE_BYTES } from '../../src/limits.ts'
import { ahead } from '../input/ahead.ts'
import { keyOf, type Word } from '../words.ts'

/** Values that are asked for at the same time; of those, the small ones are in memory. */
const FETCHED_AT_ONCE = 16

export interface Collected {
  readonly facts: FactsAnswer
  /** Its bytes, where it is small; a large one is fetched when its turn comes. */
  readonly bytes: Uint8Array | undefined
}

/** A value that cannot be had. */
export interface Missing {
  readonly word: string
  readonly fault: DstoreError
}

/** Every value that is there, in the order of keys. */
export async function* everything(
  client: Client,
): AsyncGenerator<Collected | Missing, void, undefined> {
  const keys = async function* (): AsyncGenerator<string> {
    for await (const { key } of client.keys()) yield key
  }
  for await (const found of collect(client, keys())) {
    // Removed since it was listed: then it is no part of everything.
    if ('fault' in found && isGone(found.fault)) continue
    yield found
  }
}

/** The values of these words, each once, in the order of the words. */
export function ofWords(
  client: Client,
  words: readonly Word[],
): AsyncGenerator<Collected | Missing, void, undefined> {
  const keys = async function* (): AsyncGenerator<string | Missing> {
    const seen = new Set<string>()
    for (const word of words) {
      try {
        const key = await keyOf(client, word)
        if (!seen.has(key)) yield key
        seen.add(key)
      } catch (error) {
        yield { word: word.text, fault: asDstoreError(error) }
      }
    }
  }
  return collect(client, keys())
}

function collect(
  client: Client,
  keys: AsyncIterable<string | Missing>,
): AsyncGenerator<Collected | Missing, void, undefined> {
  return ahead(keys, FETCHED_AT_ONCE, async (key) => {
    if (typeof key !== 'string') return key
    try {
      // One by one: facts that come together come without names.
      const facts = await client.facts(key)
      if (!facts.confirmed) {
        throw new DstoreError('unreachable', 'Global is away, and nobody else knows all names')
      }
      const bytes =
        facts.size > PIECE_BYTES ? undefined : await gather((await client.get(key)).bytes)
      return { facts, bytes }
    } catch (error) {
      return { word: key, fault: asDstoreError(error) }
    }
  })
}

function isGone({ code }: DstoreError): boolean {
  return code === 'not-found' || code === 'removed'
}
