/** Lists of names, and what a store has, as messages carry them (specs/004-index.md, "Lists"). */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Named, NamedKey, Names, StoreContents } from '../message.ts'
import { nameFacts } from './encode-names.ts'
import type {
  NamedKeySchema,
  NamedSchema,
  NamesSchema,
  StoreContentsSchema,
} from './messages_pb.ts'

export function wireNames(names: Names): MessageInitShape<typeof NamesSchema> {
  const { prefix, after, limit, delimiter, match, totals = false } = names
  return {
    prefix,
    limit,
    totals,
    ...(after !== undefined && { after }),
    ...(delimiter !== undefined && { delimiter }),
    ...(match !== undefined && { match }),
  }
}

export const wireNamedPage = ({
  items,
  more,
  next,
}: Named): MessageInitShape<typeof NamedSchema> => ({
  items: items.map(wireNamed),
  more,
  ...(next !== undefined && { next }),
})

function wireNamed(named: NamedKey): MessageInitShape<typeof NamedKeySchema> {
  const { name, digest, directory = false, common = false, names, size } = named
  return {
    name,
    directory,
    common,
    ...(digest !== undefined && { digest }),
    ...nameFacts(named),
    ...(size !== undefined && { size: BigInt(size) }),
    ...(names !== undefined && { names: BigInt(names) }),
  }
}

export function wireContents(
  contents: StoreContents,
): MessageInitShape<typeof StoreContentsSchema> {
  const { durable, quotaBytes, headroomBytes, next } = contents
  return {
    durable,
    values: BigInt(contents.values),
    valueBytes: BigInt(contents.valueBytes),
    ...(quotaBytes !== undefined && { quotaBytes: BigInt(quotaBytes) }),
    ...(headroomBytes !== undefined && { headroomBytes: BigInt(headroomBytes) }),
    unfinishedBytes: BigInt(contents.unfinishedBytes),
    unnamedValues: BigInt(contents.unnamedValues),
    unnamedBytes: BigInt(contents.unnamedBytes),
    ...(next !== undefined && { next }),
  }
}
