/** Facts about what a word leads to, also below a directory. */
import { asDstoreError, DstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'

/** The facts; `absent` for a key, name or path that does not exist. */
export async function factsAt(client: Client, text: string): Promise<FactsAnswer | 'absent'> {
  const isPlain = !text.includes('/')
  const whole = isPlain || !(await beginsWithKey(text)) ? await factsOf(client, text) : 'absent'
  if (isPlain || whole !== 'absent') return whole
  try {
    const { findValue, listingsOf } = await import('./open-tree.ts')
    const { key } = await findValue({ client, listings: listingsOf(client) }, text)
    return await factsOf(client, key.toString())
  } catch (error) {
    if (asDstoreError(error).code !== 'not-found') throw error
    return 'absent'
  }
}

/** Why a path below a directory has no facts (R007-255); undefined for a key or a name. */
export async function whyAbsent(client: Client, text: string): Promise<DstoreError | undefined> {
  if (!text.includes('/')) return undefined
  const { findValue, listingsOf } = await import('./open-tree.ts')
  try {
    const { key } = await findValue({ client, listings: listingsOf(client) }, text)
    return new DstoreError('not-found', `the value of ${text} does not exist: ${key.toString()}`, {
      hint: 'it was removed by force: put the folder again to restore it',
    })
  } catch (error) {
    return asDstoreError(error)
  }
}

/** Then it is no name, and the daemon would refuse it. */
async function beginsWithKey(text: string): Promise<boolean> {
  const { splitKey } = await import('../../src/tree/read/tree-word.ts')
  return splitKey(text) !== undefined
}

const factsOf = async (client: Client, text: string): Promise<FactsAnswer | 'absent'> =>
  (await client.factsMany([text]))[0] ?? 'absent'
