/** What the index says of keys, as messages carry it (specs/004-index.md, R004-1). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Fact } from '../message.ts'
import type { FactSchema } from './messages_pb.ts'

export function wireFact(fact: Fact | undefined): MessageInitShape<typeof FactSchema> {
  if (fact === undefined) return { exists: false }
  const { size, incarnation, value, holders, names, directory, heldBy = 0 } = fact
  const numbers = { size: BigInt(size), incarnation: BigInt(incarnation) }
  const lists = { holders: [...holders], names: [...names] }
  const totals = directory && {
    ...directory,
    size: BigInt(directory.size),
    files: BigInt(directory.files),
  }
  const parts = { ...(value !== undefined && { value }), ...(totals && { directory: totals }) }
  return { exists: true, ...numbers, ...lists, heldBy: BigInt(heldBy), ...parts }
}
