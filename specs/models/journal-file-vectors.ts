/** The part of the vectors of document 009 that is about files. */
import { hex } from './directories.ts'
import { NO_ENTRY, encode, entryDigest, journalOf } from './journal-entries.ts'
import {
  type Found,
  type ModelFile,
  type ModelRecord,
  contentOf,
  fileOf,
  read,
} from './journal-files.ts'
import { begin, changes, everything, put } from './journal-samples.ts'

export interface FileVector {
  readonly what: string
  readonly files: readonly ModelFile[]
  readonly found: Found
}

const BLOCK = 4096
const SIZE = 6 * BLOCK

/** Segments, and what an opening finds in them. */
export function fileVectors(): readonly FileVector[] {
  const bytes = journalOf([
    begin,
    changes(put),
    { kind: 'heartbeat' },
    changes(everything),
    { kind: 'farewell' },
  ]).map(encode)
  const record = (position: number, offset: number): ModelRecord => ({
    offset,
    position,
    entry: hex(bytes[position - 1]!),
  })
  const chain = (after: number): string => (after === 0 ? NO_ENTRY : entryDigest(bytes[after - 1]!))
  const segment = (number: number, after: number, records: readonly ModelRecord[]): ModelFile =>
    fileOf({
      number,
      bytes: SIZE,
      after,
      chain: chain(after),
      salt: `0${number}`.repeat(16),
      records,
    })
  const first = segment(
    1,
    0,
    [1, 2, 3].map((position) => record(position, position * BLOCK)),
  )
  const rest = segment(2, 3, [record(4, BLOCK), record(5, 2 * BLOCK)])
  /** The file with one byte changed. */
  const flip = (file: ModelFile, at: number): ModelFile => {
    const content = contentOf(file)
    content[at]! ^= 1
    const blocks = Array.from({ length: SIZE / BLOCK }, (_, i) => {
      const block = hex(content.subarray(i * BLOCK, (i + 1) * BLOCK)).replace(/(00)+$/, '')
      return [i * BLOCK, block] as const
    }).filter(([, block]) => block !== '')
    return { ...file, blocks }
  }
  const cases: readonly (readonly [string, readonly ModelFile[]])[] = [
    ['no segment', []],
    ['one segment', [first]],
    ['two segments', [first, rest]],
    ['a segment without entries', [first, segment(2, 3, [])]],
    ['the earlier segment was trimmed', [rest]],
    ['a byte of the last entry', [first, flip(rest, 2 * BLOCK + 70)]],
    ['a byte of the check of the last entry', [first, flip(rest, 2 * BLOCK + 40)]],
    ['a byte of an entry before the last', [first, flip(rest, BLOCK + 70)]],
    ['a byte of the length of an entry before the last', [first, flip(rest, BLOCK + 7)]],
    ['a byte of an entry in the earlier segment', [flip(first, 2 * BLOCK + 100), rest]],
    ['a byte of the last entry of the earlier segment', [flip(first, 3 * BLOCK + 100), rest]],
    ['a byte beyond the entries', [flip(first, 5 * BLOCK), flip(rest, 4 * BLOCK)]],
    ['a byte of the padding of an entry', [flip(first, 2 * BLOCK - 1), rest]],
    ['a byte of a head', [flip(first, 33), rest]],
    ['a byte of the last head', [first, flip(rest, 100)]],
    ['what follows in the earlier segment is void', [first, segment(2, 2, [record(3, BLOCK)])]],
    ['all of the earlier segment is void', [first, segment(2, 0, [record(1, BLOCK)])]],
    ['a segment is missing', [first, segment(3, 3, [record(4, BLOCK)])]],
    ['a segment that begins too late', [first, segment(2, 4, [record(5, BLOCK)])]],
    ['an entry at another place', [first, segment(2, 3, [record(4, 2 * BLOCK)])]],
    ['an entry of another position', [first, segment(2, 3, [record(5, BLOCK)])]],
    [
      'an entry from an earlier use of the file',
      [
        first,
        {
          ...segment(2, 3, [record(4, BLOCK)]),
          blocks: [
            ...segment(2, 3, [record(4, BLOCK)]).blocks,
            ...fileOf({
              number: 2,
              bytes: SIZE,
              after: 3,
              chain: chain(3),
              salt: '77'.repeat(16),
              records: [record(5, 2 * BLOCK), record(5, 4 * BLOCK)],
            }).blocks.slice(1),
          ],
        },
      ],
    ],
    ['a segment under another name', [{ ...first, name: '0000000000000002.segment' }]],
    ['a segment that lost its end', [{ ...first, bytes: SIZE - BLOCK }]],
    [
      'a segment after another history',
      [
        first,
        fileOf({
          number: 2,
          bytes: SIZE,
          after: 3,
          chain: chain(2),
          salt: '02'.repeat(16),
          records: [],
        }),
      ],
    ],
  ]
  return cases.map(([what, list]) => ({ what, files: list, found: read(list) }))
}
