/** The node as a writer's token sees it (specs/006, R006-50; specs/007, R007-326). */
import { DstoreError } from '../../../errors.ts'
import type { BindOptions, NodeIndex, ServedNode } from '../../../node/node.ts'

/**
 * A node whose user may be an admin, for a caller that is not: what it asks of a name, it asks as a
 * writer, and Global decides in the change itself.
 */
export function writerNode(node: ServedNode): ServedNode {
  const { index, trees } = node
  return over(node, {
    index: over(index, {
      bind: (name, key, options) => index.bind(name, key, asWriter(options)),
      tag: (name, key, options) => index.tag(name, key, asWriter(options)),
      unbind: async (name, options) => {
        await checkTag(index, name, options)
        return index.unbind(name, asWriter(options))
      },
    }),
    trees: over(trees, {
      commitTree: (hold, root, options) => trees.commitTree(hold, root, named(options)),
    }),
    put: (source, options) => node.put(source, named(options)),
    putNamed: (items, options) => node.putNamed(items.map(named), options),
  })
}

const asWriter = <T extends object>(options?: T): T & { readonly asWriter: true } => ({
  ...(options as T),
  asWriter: true,
})

/** The same for the name of a put. */
const named = <T extends { readonly naming?: BindOptions }>(options?: T): T => ({
  ...(options as T),
  ...(options?.naming !== undefined && { naming: asWriter(options.naming) }),
})

/** A Global of an earlier version has no tags, and would not know that a writer asks. */
async function checkTag(
  index: NodeIndex,
  name: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const bound = await index.lookup(name, { ...options, fresh: true })
  if (bound === undefined || bound.kind === 'tag') return
  throw new DstoreError('not-permitted', `only an admin removes the fixed name ${name}`, {
    hint: 'this needs the role admin, not writer',
  })
}

/** `inner` with some members replaced; the others act on `inner` itself. */
export function over<T extends object>(inner: T, replaced: Partial<T>): T {
  return new Proxy(inner, {
    get(_, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name as keyof T]
      const member: unknown = inner[name as keyof T]
      return typeof member === 'function' ? (member.bind(inner) as unknown) : member
    },
  })
}
