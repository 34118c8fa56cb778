/** The outcome of a put for a caller (specs/004-index.md, R004-123). */
import type { Key } from '../../../hash/key.ts'
import type { Receipt } from '../../../index/message.ts'
import type { MovedFrom, PutResult } from '../../node.ts'
import { isoOf } from '../index-calls.ts'
import { keyOf } from '../key-of.ts'

/** What a message says of the tag that a put moved, if it moved one. */
interface MovedTag extends Pick<NonNullable<Receipt['moved']>, 'keptUntilMs' | 'silent'> {
  readonly previous: { readonly digest: Uint8Array; readonly directory?: boolean }
}

/** `key`: that of the value which the receipt is for. */
export const putResult = (
  key: Key,
  { size, existed, moved }: { size: number; existed: boolean; moved?: MovedTag },
): PutResult => ({ key, size, existed, ...(moved && movedFrom(moved)) })

const movedFrom = ({ previous, keptUntilMs, silent }: MovedTag): MovedFrom => ({
  previous: keyOf(previous.digest, previous.directory),
  ...(keptUntilMs !== undefined && { previousKeptUntil: isoOf(keptUntilMs) }),
  silent,
})

/** Of an outcome, what it says of a tag that was moved. */
export const moveIn = ({
  previous,
  previousKeptUntil,
  silent,
}: Partial<MovedFrom>): Partial<MovedFrom> => ({
  ...(previous && { previous }),
  ...(previousKeptUntil !== undefined && { previousKeptUntil }),
  ...(silent && { silent }),
})
