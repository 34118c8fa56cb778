/** What a log entry says of the binding of a name, and of the move of a tag. */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Target } from '../message.ts'
import type * as pb from './records_pb.ts'

/** What a name was bound to before a change. */
export interface Moved {
  readonly previous: Target
  /** Until when that is kept, as nothing else holds it: wall clock, in milliseconds. */
  readonly keptUntilMs?: number
}

type Fields = Pick<MessageInitShape<typeof pb.RebindChangeSchema>, 'previous' | 'keptUntilMs'>

export function packMoved(moved: Moved | undefined): Fields {
  if (moved === undefined) return {}
  const { previous, keptUntilMs } = moved
  const { digest, directory = false, atMs } = previous
  const target = { digest, directory, ...(atMs !== undefined && { atMs: BigInt(atMs) }) }
  return {
    previous: target,
    ...(keptUntilMs !== undefined && { keptUntilMs: BigInt(keptUntilMs) }),
  }
}

export function unpackMoved({
  previous,
  keptUntilMs,
}: Pick<pb.RebindChange, 'previous' | 'keptUntilMs'>): Moved | undefined {
  if (previous === undefined) return undefined
  const { digest, directory, atMs } = previous
  const target: Target = {
    digest,
    ...(directory && { directory }),
    ...(atMs !== undefined && { atMs: Number(atMs) }),
  }
  return {
    previous: target,
    ...(keptUntilMs !== undefined && { keptUntilMs: Number(keptUntilMs) }),
  }
}

interface KeyFacts {
  readonly size?: number
  readonly incarnation?: number
}

/** The size and incarnation of the key, where they are known. */
export const packKey = ({
  size,
  incarnation,
}: KeyFacts): { size?: bigint; incarnation?: bigint } => ({
  ...(size !== undefined && { size: BigInt(size) }),
  ...(incarnation !== undefined && { incarnation: BigInt(incarnation) }),
})

export const unpackKey = ({
  size,
  incarnation,
}: Pick<pb.BindChange, 'size' | 'incarnation'>): KeyFacts => ({
  ...(size !== undefined && { size: Number(size) }),
  ...(incarnation !== undefined && { incarnation: Number(incarnation) }),
})
