/**
 * What is known of many values before they are requested: their keys and sizes, in few requests.
 */
import { asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { batchesOf } from '../../src/node/calls/batches.ts'
import { mapConcurrently } from '../archive/map-concurrently.ts'

/** Requests for facts in flight. */
const PAGES_AT_ONCE = 2

export interface Described {
  readonly text: string
  readonly index: number
  /** `absent` for a key or name that does not exist; undefined if the daemon could not tell. */
  readonly facts: FactsAnswer | 'absent' | undefined
}

/** The texts in order, with their facts. Rejects only with `cancelled`. */
export async function* describe(
  client: Client,
  texts: readonly string[],
): AsyncGenerator<Described, void, undefined> {
  let index = 0
  const pages = mapConcurrently(batchesOf(texts), PAGES_AT_ONCE, async (page) => ({
    page,
    facts: await factsOf(client, page),
  }))
  for await (const { page, facts } of pages) {
    for (const [at, text] of page.entries()) {
      yield { text, index: index++, facts: facts && (facts[at] ?? 'absent') }
    }
  }
}

/** The same, without asking. */
export async function* unknown(
  texts: readonly string[],
): AsyncGenerator<Described, void, undefined> {
  for (const [index, text] of texts.entries()) yield { text, index, facts: undefined }
}

/** No name for the daemon: below what is as long as a key, or with control characters. */
const MAY_BE_PATH = /^[^/]{40,}\/|\p{Cc}/u

/** Undefined if the request fails: then each text finds out by itself what is wrong. */
async function factsOf(
  client: Client,
  texts: readonly string[],
): Promise<(FactsAnswer | undefined)[] | undefined> {
  try {
    const found = (await client.factsMany(texts.filter((text) => !MAY_BE_PATH.test(text)))).values()
    return texts.map((text) => (MAY_BE_PATH.test(text) ? undefined : found.next().value))
  } catch (error) {
    if (asDstoreError(error).code === 'cancelled') throw error
    return undefined
  }
}
