/** `prefetch` and `evict`: what this machine has of values and of whole trees. */
import { randomUUID } from 'node:crypto'
import { SMALL_VALUE_BYTES } from '../../src/daemon/client/small-values.ts'
import { parseRate } from '../../src/daemon/config/quantities.ts'
import type { Key } from '../../src/hash/key.ts'
import type { PrefetchOptions, Progress } from '../../src/node/node.ts'
import { totalsOfListing } from '../../src/tree/read/listing.ts'
import type { Invocation } from '../command.ts'
import { isDirectoryKey } from '../input/references.ts'
import { withSpelling } from '../input/spelling.ts'
import { describe, unknown, type Described } from '../many/facts.ts'
import { forEachAtOnce } from '../many/for-each.ts'
import { readReferences } from '../many/list-file.ts'
import { labelOfMany, ManyProgress } from '../many/progress.ts'
import { withTransferProgress } from '../terminal/peers.ts'
import { eachBelow } from './each-below.ts'
import { findValue, useTreeDaemon, type TreeDaemon } from './open-tree.ts'

export async function prefetch(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { texts } = await readReferences(invocation)
  const daemon = await useTreeDaemon(invocation)
  const { client, reader } = daemon
  const isOne = texts.length === 1
  const rate = rateOf(invocation)
  return withTransferProgress(terminal, labelOfMany(texts), client, (line) => {
    const progress = new ManyProgress(line, texts.length)
    const items = isOne ? unknown(texts) : describe(client, texts)
    return forEachAtOnce({ client, terminal, items, isOne }, async ({ text, facts }) => {
      const known = await knownOf(daemon, text, facts)
      const one = progress.begin(known.size)
      try {
        if (known.directory !== undefined) {
          await prefetchTree(daemon, known.directory, rate, (done) => one.update(done, known.size))
          return
        }
        const onProgress = ({ doneBytes, totalBytes }: Progress): void =>
          one.update(doneBytes, totalBytes)
        await client.prefetch(known.word, onProgress, rate)
      } finally {
        one.end()
      }
    })
  }).finally(() => reader.close())
}

async function prefetchTree(
  { client, reader, listings }: TreeDaemon,
  root: Key,
  rate: Rate,
  onBytes: (doneBytes: number) => void,
): Promise<void> {
  let doneBytes = 0
  await eachBelow(listings, root, {
    file: async (key, size) => {
      const isSmall = size <= SMALL_VALUE_BYTES && rate.maxRate === undefined
      const whole = isSmall ? await reader.getSmall(key, size) : undefined
      if (whole === undefined) await client.prefetch(key.toString(), undefined, rate)
      onBytes((doneBytes += size))
    },
  })
}

type Rate = Pick<PrefetchOptions, 'maxRate' | 'rateGroup'>

/** All values of this command share the rate. */
function rateOf({ flags: { 'max-rate': rate } }: Invocation): Rate {
  if (rate === undefined) return {}
  return { maxRate: parseRate(rate), rateGroup: randomUUID() }
}

export async function evict(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const { texts } = await readReferences(invocation)
  const daemon = await useTreeDaemon(invocation)
  const { client, listings, reader } = daemon
  const many = { client, terminal, items: unknown(texts), isOne: texts.length === 1 }
  return forEachAtOnce(many, async ({ text }) => {
    const { directory, word } = await knownOf(daemon, text, undefined)
    const evictOne = async (key: Key): Promise<void> => void (await client.evict(key.toString()))
    if (directory === undefined) await client.evict(word)
    else await eachBelow(listings, directory, { file: evictOne, directory: evictOne })
  }).finally(() => reader.close())
}

interface Known {
  /** What the daemon is asked for. */
  readonly word: string
  /** The key of a directory. */
  readonly directory: Key | undefined
  /** Bytes, of a directory all of its files. */
  readonly size: number | undefined
}

/** What a word leads to, or the key that it spells. A plain key costs no request of its own. */
function knownOf(daemon: TreeDaemon, text: string, facts: Described['facts']): Promise<Known> {
  return withSpelling(
    () => daemon.client,
    text,
    (word) => knownWord(daemon, word, word === text ? facts : undefined),
  )
}

async function knownWord(
  daemon: TreeDaemon,
  text: string,
  facts: Described['facts'],
): Promise<Known> {
  const isPlainKey = /^(bafkr4i[a-h][a-z2-7]{51}|[0-9a-fA-F]{64})$/.test(text)
  const mayBeTree = !isPlainKey && (typeof facts !== 'object' || isDirectoryKey(facts.key))
  const size = typeof facts === 'object' ? facts.size : undefined
  if (!mayBeTree) return { word: text, directory: undefined, size }
  const { key } = await findValue(daemon, text)
  const isPath = text.includes('/')
  if (key.kind === 'bytes') {
    return { word: isPath ? key.toString() : text, directory: undefined, size }
  }
  const totals = totalsOfListing(await daemon.listings.get(key))
  return { word: key.toString(), directory: key, size: totals.size }
}
