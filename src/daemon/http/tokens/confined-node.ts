/** The node that a caller sees (specs/007, "Tokens"). */
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import type { ServedNode } from '../../../node/node.ts'
import type { Caller } from './caller.ts'
import { confinedIndex } from './confined-index.ts'
import { confinedTrees } from './confined-trees.ts'
import { denyOthers } from './deny-others.ts'
import { hidden } from './hidden-put.ts'
import { KeySight } from './key-sight.ts'
import { notBelow } from './route-access.ts'
import { SentKeys } from './sent-keys.ts'
import { writerNode } from './writer-node.ts'

/** A node for one request. */
export interface SeenNode {
  readonly node: ServedNode
  /** A path below a key in sight leads to this key. */
  readonly reach: (key: Key) => void
}

/** For each node: a token's holds outlive its requests. */
const sentKeys = new WeakMap<ServedNode, SentKeys>()

/** The node as this caller sees it, for one request. */
export function nodeFor(node: ServedNode, { role, prefix }: Caller): SeenNode {
  const ownRole = role === 'admin' ? node : writerNode(node)
  if (prefix === undefined) return { node: ownRole, reach: () => undefined }
  const sight = new KeySight(ownRole.index, prefix)
  let sent = sentKeys.get(node)
  if (sent === undefined) sentKeys.set(node, (sent = new SentKeys()))
  return { node: confinedNode(ownRole, prefix, sight, sent), reach: (key) => sight.reach(key) }
}

function confinedNode(
  inner: ServedNode,
  prefix: string,
  sight: KeySight,
  sent: SentKeys,
): ServedNode {
  const checkSight = async (
    key: Key,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void> => {
    if (await sight.sees(key, options)) return
    throw new DstoreError('not-found', `no such key: ${key.toString()}`)
  }
  const { role, trees } = inner
  const allowed: Partial<ServedNode> = {
    role,
    memberRole: () => inner.memberRole?.(),
    index: confinedIndex(inner.index, prefix, sight),
    trees: confinedTrees({ inner: trees, get: inner.get.bind(inner), prefix, sight, sent }),
    async put(source, options = {}) {
      const { name, hold } = options
      if ('path' in source) throw notBelow(prefix, 'a file by its path')
      if (hold !== undefined) {
        sent.of(hold, prefix)
        const stored = await inner.put(source, options)
        sent.add(hold, prefix, stored.key)
        return hidden(stored)
      }
      if (name === undefined) throw notBelow(prefix, 'a value without a name')
      if (!sight.isBelow(name)) throw notBelow(prefix, `the name ${name}`)
      return hidden(await inner.put(source, options))
    },
    async putMany(values, { hold, ...options } = {}) {
      if (hold === undefined) throw notBelow(prefix, 'a batch of values without names')
      sent.of(hold, prefix)
      const stored = await inner.putMany(values, { ...options, hold })
      for (const { key } of stored) sent.add(hold, prefix, key)
      return stored.map(hidden)
    },
    /** An item that the token may not put fails alone (R007-345). */
    async putNamed(items, options) {
      const refused = items.map(({ name }) =>
        name === undefined
          ? notBelow(prefix, 'a value without a name')
          : sight.isBelow(name)
            ? undefined
            : notBelow(prefix, `the name ${name}`),
      )
      const allowed = items.filter((_, at) => refused[at] === undefined)
      const outcomes = (await inner.putNamed(allowed, options)).values()
      return refused.map((error) => {
        if (error !== undefined) return { error }
        const outcome = outcomes.next().value!
        return 'error' in outcome ? outcome : hidden(outcome)
      })
    },
    async get(key, options) {
      await checkSight(key, options)
      return inner.get(key, options)
    },
    async prefetch(key, options) {
      await checkSight(key, options)
      return inner.prefetch(key, options)
    },
  }
  return denyOthers(inner, allowed, prefix)
}
