/** What the commands share that lead into trees: `KEY/path`, `NAME/path`. */
import { asDstoreError } from '../../src/errors.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { type Key, parseKey } from '../../src/hash/key.ts'
import { keyOf, valueAt } from '../../src/tree/read/entry-at.ts'
import { Listings } from '../../src/tree/read/listings.ts'
import { findTreeWord, type TreeWord } from '../../src/tree/read/tree-word.ts'
import type { Invocation } from '../command.ts'
import { explainNotFound } from '../input/key-fault.ts'
import { useDaemonBy, type Connect } from '../session.ts'
import { ClientReader } from './client-reader.ts'

/** A daemon, and the ways to read trees from it. */
export interface TreeDaemon {
  readonly client: Client
  readonly reader: ClientReader
  readonly listings: Listings
}

export const connectForTrees: Connect<TreeDaemon> = async (socket, options) => {
  const { Client } = await import('../../src/daemon/client/client.ts')
  const client = await Client.connect(socket, options)
  if (client === undefined) return undefined
  const reader = new ClientReader(client, socket, options)
  return { client, reader, listings: new Listings(reader) }
}

/** The directories that a daemon has, for commands that read nothing else. */
export const listingsOf = (client: Client): Listings =>
  new Listings({ get: (key) => client.get(key.toString()) })

/** The running daemon, or a newly started one. */
export const useTreeDaemon = (invocation: Invocation): Promise<TreeDaemon> =>
  useDaemonBy(connectForTrees, invocation)

/** What a word leads to: `not-found`, as the daemon says it, if nothing has the name. */
export async function findWord(client: Client, text: string): Promise<TreeWord> {
  let whole: unknown
  const lookup = async (name: string): Promise<Key | undefined> => {
    try {
      return parseKey((await client.lookup(name)).key)
    } catch (error) {
      if (asDstoreError(error).code !== 'not-found') throw error
      whole ??= error
      return undefined
    }
  }
  const found = await findTreeWord(text, lookup)
  if (found !== undefined) return found
  throw await explainNotFound(text, whole)
}

/** A value that a word leads to. */
export interface FoundValue {
  readonly key: Key
  /** Undefined for the value of a key or name itself. */
  readonly executable: boolean | undefined
}

/** Errors: `not-found` for a path that leads nowhere, `usage` for a symbolic link. */
export async function findValue(
  { client, listings }: Pick<TreeDaemon, 'client' | 'listings'>,
  text: string,
): Promise<FoundValue> {
  const word = await findWord(client, text)
  const entry = await valueAt(listings, word)
  if (entry === undefined) return { key: word.key, executable: undefined }
  return { key: keyOf(entry), executable: entry.type === 'file' && entry.executable }
}
