/** Puts of trees with a token that has a prefix (R007-334). */
import { concat } from '../../../bytes.ts'
import { decodeDirectory } from '../../../directory/reader.ts'
import { DstoreError } from '../../../errors.ts'
import { Key } from '../../../hash/key.ts'
import { BATCH_ITEMS, DIRECTORY_BYTES } from '../../../limits.ts'
import type { CallOptions, MadeDirectory, Node, NodeTrees } from '../../../node/node.ts'
import { denyOthers } from './deny-others.ts'
import { hidden } from './hidden-put.ts'
import type { KeySight } from './key-sight.ts'
import { notBelow } from './route-access.ts'
import type { SentKeys } from './sent-keys.ts'

export interface ConfinedTreesOptions {
  readonly inner: NodeTrees
  /** Reads the bytes of directories that were sent. */
  readonly get: Node['get']
  readonly prefix: string
  readonly sight: KeySight
  readonly sent: SentKeys
}

/** Trees behind a prefix: of values that the token sent under the hold, or sees. */
export function confinedTrees(options: ConfinedTreesOptions): NodeTrees {
  const { inner, get, prefix, sight, sent } = options
  const allowed: NodeTrees = {
    async openHold(call) {
      const hold = await inner.openHold(call)
      try {
        sent.open(hold, prefix)
      } catch (error) {
        await inner.releaseHold(hold).catch(() => undefined)
        throw error
      }
      return hold
    },

    async releaseHold(hold, call) {
      sent.of(hold, prefix)
      await inner.releaseHold(hold, call)
      sent.end(hold)
    },

    /** False for what exists out of sight: its bytes must be sent. */
    async present(hold, keys, call) {
      const known = sent.of(hold, prefix)
      const asked: Key[] = []
      for (const key of keys) {
        if (known.has(key.toString()) || (await sight.sees(key, call))) asked.push(key)
      }
      const answers = asked.length === 0 ? [] : await inner.present(hold, asked, call)
      const there = new Set(asked.filter((_, i) => answers[i]).map(String))
      for (const key of asked) if (there.has(key.toString())) sent.add(hold, prefix, key)
      return keys.map((key) => there.has(key.toString()))
    },

    async makeDirectories(hold, keys, call) {
      const known = sent.of(hold, prefix)
      const results: MadeDirectory[] = []
      for (const key of keys) {
        if (!known.has(key.as('bytes').toString())) {
          throw new DstoreError('not-found', `not sent under this hold: ${key.toString()}`)
        }
        const children = await childrenOf(get, key, call)
        const missing = children.filter((child) => !known.has(child.toString()))
        if (missing.length > 0) {
          results.push({ key, missing: missing.slice(0, BATCH_ITEMS) })
          continue
        }
        const [made] = await inner.makeDirectories(hold, [key], call)
        if (made!.missing.length === 0) sent.add(hold, prefix, key.as('directory'))
        results.push(made!)
      }
      return results
    },

    async commitTree(hold, root, call = {}) {
      const { name } = call
      if (name === undefined) throw notBelow(prefix, 'a tree without a name')
      if (!sight.isBelow(name)) throw notBelow(prefix, `the name ${name}`)
      if (!sent.of(hold, prefix).has(root.as('directory').toString())) {
        throw new DstoreError('not-found', `not a directory of this hold: ${root.toString()}`)
      }
      const stored = await inner.commitTree(hold, root, call)
      sent.end(hold)
      return hidden(stored)
    },
  }
  return denyOthers(inner, allowed, prefix)
}

/** The keys of what a directory holds. Errors: those of `Node.get`; `integrity`, `too-large`. */
async function childrenOf(get: Node['get'], key: Key, options?: CallOptions): Promise<Key[]> {
  const { size, bytes } = await get(key.as('bytes'), options)
  if (size > DIRECTORY_BYTES) {
    await bytes[Symbol.asyncIterator]().return?.()
    throw new DstoreError('too-large', `a directory has at most ${DIRECTORY_BYTES} bytes`)
  }
  const parts: Uint8Array[] = []
  // A part is valid only until the next one is asked for.
  for await (const part of bytes) parts.push(Uint8Array.from(part))
  const children: Key[] = []
  for (const [, entry] of decodeDirectory(concat(parts))) {
    if (entry.type === 'link') continue
    children.push(new Key(entry.digest, entry.type === 'directory' ? 'directory' : 'bytes'))
  }
  return children
}
