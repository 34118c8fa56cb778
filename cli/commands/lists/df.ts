/** `df`: what the store of Global has, and what still fits. */
import type { StoreAnswer } from '../../../src/daemon/api/api.ts'
import { formatSize } from '../../../src/daemon/config/quantities.ts'
import type { Invocation } from '../../command.ts'
import { useDaemon } from '../../session.ts'
import { plural } from '../../terminal/terminal.ts'

export async function df(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  const use = await client.lists.contents()
  await terminal.printFact(use, textOf(use))
  return 0
}

function textOf(use: StoreAnswer): string {
  const { durable, values, valueBytes, quotaBytes, headroomBytes, unfinishedBytes } = use
  const { unnamedValues, unnamedBytes } = use
  const sizeOf = (bytes: number | undefined): string =>
    bytes === undefined ? 'no limit' : formatSize(bytes)
  const facts: [name: string, value: string][] = [
    [
      'stored',
      `${plural(values, 'value')}, ${formatSize(valueBytes)}${durable ? '' : ', in memory only'}`,
    ],
    ['quota', sizeOf(quotaBytes)],
    ['still fits', sizeOf(headroomBytes)],
    ['without name', `${plural(unnamedValues, 'value')}, ${formatSize(unnamedBytes)}`],
    ['unfinished', formatSize(unfinishedBytes)],
  ]
  return facts.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n')
}
