/**
 * Lists of names as a token with a prefix sees them (R007-330, R007-316): as if there were no other
 * names.
 */
import { checkDelimiter } from '../../../index/lists/delimiter.ts'
import { packNames } from '../../../index/lists/name-page.ts'
import type { NodeIndex, NodeLists } from '../../../node/node.ts'

type Lists = Pick<NodeIndex & NodeLists, 'names' | 'namePages' | 'usage'>

export function confinedLists(inner: Lists, prefix: string): Lists {
  return {
    async *names(wanted = '', options = {}) {
      const from = within(wanted, prefix)
      if (from !== undefined) yield* inner.names(from, options)
    },

    async *namePages(wanted = '', options = {}) {
      const from = within(wanted, prefix)
      if (from === undefined) return
      const common = commonOf(wanted, prefix, options.delimiter)
      if (common === undefined) {
        yield* inner.namePages(from, options)
        return
      }
      if (options.after === common) return
      const { delimiter: _, ...rest } = options
      for await (const { count } of inner.namePages(from, { ...rest, limit: 1 })) {
        if (count === 0) continue
        yield packNames({ type: 'named', items: [{ name: common, common: true }], more: false })
        return
      }
    },

    async *usage(wanted = '', options = {}) {
      const none = { prefix: wanted, names: 0, size: 0 }
      const from = within(wanted, prefix)
      if (from === undefined) {
        yield none
        return
      }
      const common = commonOf(wanted, prefix, options.delimiter)
      const { delimiter: _, ...call } = options
      for await (const use of inner.usage(from, common === undefined ? options : call)) {
        if (use.prefix !== from) yield use
        else {
          if (common !== undefined && use.names > 0) yield { ...use, prefix: common }
          yield { ...use, prefix: wanted }
        }
      }
    },
  }
}

/** The prefix that selects what is below both; undefined if nothing is. */
function within(wanted: string, prefix: string): string | undefined {
  if (wanted.startsWith(prefix)) return wanted
  return prefix.startsWith(wanted) ? prefix : undefined
}

/** What all names below the prefix of the token have in common behind the wanted one. */
function commonOf(
  wanted: string,
  prefix: string,
  delimiter: string | undefined,
): string | undefined {
  if (delimiter === undefined || wanted.startsWith(prefix)) return undefined
  const at = prefix.indexOf(checkDelimiter(delimiter), wanted.length)
  return at === -1 ? undefined : prefix.slice(0, at + delimiter.length)
}
