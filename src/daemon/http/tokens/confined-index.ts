/** The index as a token with a prefix sees it (R007-330 to 335). */
import { DstoreError } from '../../../errors.ts'
import type { Key } from '../../../hash/key.ts'
import type {
  BindOptions,
  BoundName,
  CallOptions,
  ChangeEvent,
  NodeIndex,
  NodeLists,
  UnbindOptions,
  UnbindResult,
  WatchOptions,
} from '../../../node/node.ts'
import { confinedLists } from './confined-lists.ts'
import { denyOthers } from './deny-others.ts'
import type { KeySight } from './key-sight.ts'
import { notBelow } from './route-access.ts'

type Index = NodeIndex & NodeLists

/** The index behind a prefix. What it does not have is refused. */
export function confinedIndex(inner: Index, prefix: string, sight: KeySight): Index {
  const checkBelow = (name: string): void => {
    if (!sight.isBelow(name)) throw notBelow(prefix, `the name ${name}`)
  }
  const lookup: Index['lookup'] = async (name, options) => {
    // A path below the prefix is looked for name by name, up to its first part.
    if (isAbove(name, prefix)) return undefined
    checkBelow(name)
    const bound = await inner.lookup(name, options)
    if (bound === undefined) return undefined
    sight.found(bound)
    return modest(bound)
  }
  const checkSight = async (key: Key, options?: CallOptions): Promise<void> => {
    if (await sight.sees(key, options)) return
    // Of a key that does not exist it says the same (R007-331).
    throw new DstoreError('not-found', `no such key: ${key.toString()}`, {
      hint: `a token confined to ${prefix} binds keys of its own names: put the bytes with the name`,
    })
  }
  const allowed: Partial<Index> = {
    lookup,
    stat: (key, options) => sight.stat(key, options),
    statMany: async (keys, options) => {
      const facts = []
      for (const key of keys) facts.push(await sight.stat(key, options))
      return facts
    },
    async bind(name, key, options) {
      checkBelow(name)
      await checkSight(key, options)
      return modest(await inner.bind(name, key, options))
    },
    async unbind(name: string, options: UnbindOptions = {}) {
      checkBelow(name)
      if (options.keepValue === true) throw notBelow(prefix, 'to keep a value without a name')
      return withoutFacts(await inner.unbind(name, options))
    },
    ...confinedLists(inner, prefix),
    watch: (options) => watchBelow(inner, sight, options),
    async tag(name: string, key: Key, options?: BindOptions) {
      checkBelow(name)
      await checkSight(key, options)
      const moved = await inner.tag(name, key, options)
      // Whether the old target is kept says whether anything else holds it.
      return { ...moved, previousKeptUntil: undefined, silent: [] }
    },
    async tagHistory(name: string, options?: CallOptions) {
      checkBelow(name)
      return inner.tagHistory(name, options)
    },
  }
  return denyOthers(inner, allowed, prefix)
}

/** Is the prefix below this name, as `ci/builds/` is below `ci`? */
const isAbove = (name: string, prefix: string): boolean => prefix.startsWith(`${name}/`)

/** How much of the value this node held already says whether others use it. */
const modest = (bound: BoundName): BoundName => ({ ...bound, heldBytes: 0 })

/**
 * Whether the value went with its name, or is about to, says whether it has names outside the
 * prefix.
 */
function withoutFacts(result: UnbindResult): UnbindResult {
  const { name, seq, names, acknowledged, owed, expired } = result
  return { name, key: undefined, seq, freedBytes: 0, names, acknowledged, owed, expired }
}

/**
 * The changes of names below the prefix. A put that made its value exist and one that did not are
 * both a `bind`, and a removal with the last name is an `unbind`: the difference would say what is
 * stored outside the prefix (R007-335).
 */
async function* watchBelow(
  inner: Pick<Index, 'watch'>,
  sight: KeySight,
  options: WatchOptions = {},
): AsyncGenerator<ChangeEvent, void, undefined> {
  for await (const change of inner.watch(options)) {
    const shown = shownOf(change, sight)
    if (shown !== undefined) yield shown
  }
}

function shownOf(change: ChangeEvent, sight: KeySight): ChangeEvent | undefined {
  const { position, seq, previous, why } = change
  if (change.type === 'lost') return change
  const names = change.names.filter((name) => sight.isBelow(name))
  if (names.length === 0) return undefined
  const type = shownType(change)
  // A removal says what the key was, and an unbinding what the name was bound to.
  const key = type === 'unbind' ? change.key?.as('bytes') : change.key
  return {
    position,
    seq,
    type,
    key,
    names,
    // Only a put that made its value exist has one.
    size: undefined,
    ...(previous !== undefined && { previous }),
    ...(why !== undefined && { why }),
  }
}

function shownType({ type, previous }: ChangeEvent): ChangeEvent['type'] {
  if (type === 'remove') return 'unbind'
  if (type !== 'put') return type
  return previous === undefined ? 'bind' : 'rebind'
}
