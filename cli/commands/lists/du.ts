/** `du`: how much the names below each common prefix hold. */
import type { UsageLine } from '../../../src/daemon/api/api.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { parseReferences } from '../../input/references.ts'
import { useDaemon } from '../../session.ts'
import { writeLines } from './lines.ts'
import { isBelowName } from './ls.ts'
import { choiceOf, chosen } from './order.ts'

export async function du(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal } = invocation
  const [prefix = ''] = positionals
  const { limit, sort } = choiceOf(flags)
  if (sort === 'time') throw new DstoreError('usage', 'du --sort takes name or size, not time')
  if (prefix !== '' && (await parseReferences([prefix])).get(prefix)!.type !== 'name') {
    throw new DstoreError('usage', 'du takes a prefix of names, not a key', {
      hint: `\`dstore stat ${prefix}\` has the size of a value, and the total of a directory`,
    })
  }
  const client = await useDaemon(invocation)
  let total: UsageLine | undefined
  async function* levels(): AsyncGenerator<UsageLine> {
    let listed = 0
    for await (const line of client.lists.usage(prefix, '/')) {
      if (line.prefix === prefix) total = line
      else if (sort !== undefined || limit === undefined || listed++ < limit) yield line
    }
  }
  const lineOf = terminal.json ? (line: UsageLine) => JSON.stringify(line) : textOf
  const lines = sort === undefined ? levels() : await chosen(levels(), bySize, limit)
  await writeLines(terminal, lines, lineOf)
  if (total === undefined) throw new DstoreError('protocol', 'the daemon gave no total')
  await terminal.print(
    terminal.json ? JSON.stringify(total) : textOf({ ...total, prefix: 'total' }),
  )
  if (total.names > 0 || terminal.json || prefix === '') return 0
  const isDirectory = prefix.includes('/') && (await isBelowName(client, prefix))
  terminal.note(
    isDirectory
      ? `${prefix} is below a directory: \`dstore ls -l ${prefix}\` lists what is in it`
      : `no name begins with ${prefix}`,
  )
  return 0
}

const bySize = (a: UsageLine, b: UsageLine): number => b.size - a.size

/** Bytes, the number of names, and the prefix. */
const textOf = ({ size, names, prefix }: UsageLine): string =>
  `${String(size).padStart(15)} ${String(names).padStart(9)}  ${prefix}`
