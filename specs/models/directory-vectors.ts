/** Makes the vectors of document 008 from its model: `npm run vectors` writes them. */
import { refusedDirectories, type RefusedDirectory } from './directory-attacks.ts'
import {
  decode,
  encode,
  hex,
  outcome,
  type ModelDirectory,
  type ModelEntry,
  type Outcome,
} from './directories.ts'
import { digest, directoryKey } from './verified-values.ts'

export interface DirectoryVectors {
  readonly directories: readonly {
    readonly what: string
    /** In the bytewise order of their names, as dstore shows them. */
    readonly entries: ModelDirectory
    /** Hex. */
    readonly bytes: string
    readonly key: string
  }[]
  /** Values that are not directories: each is refused with `integrity`. Hex. */
  readonly refused: readonly RefusedDirectory[]
  /**
   * What a store with nothing but these values answers when this directory is made, after all below
   * it that can be.
   */
  readonly trees: readonly {
    readonly what: string
    readonly values: readonly string[]
    /** The root, as a digest in hex digits. */
    readonly root: string
    readonly outcome: Outcome
  }[]
}

export function directoryVectors(): DirectoryVectors {
  return { directories: directories(), refused: refusedDirectories(), trees: trees() }
}

const ascii = (value: string): Uint8Array => new TextEncoder().encode(value)
const SCRIPT = hex(digest(ascii('#!/bin/sh\n')))
const EMPTY = hex(digest(new Uint8Array(0)))
const EMPTY_DIRECTORY = hex(digest(encode([])))
const LARGEST = 2 ** 53 - 1

const file = (size: number = 10): ModelEntry => ({ src: SCRIPT, size })
const directory = (size: number, files: number): ModelEntry => ({
  tree: EMPTY_DIRECTORY,
  size,
  files,
})
const numbered = (count: number): ModelDirectory =>
  Array.from({ length: count }, (_, i) => [String(i), { to: 'x' }] as const)

function directories(): DirectoryVectors['directories'] {
  const cases: readonly (readonly [string, ModelDirectory])[] = [
    ['the empty directory', []],
    ['an executable file', [['run.sh', { src: SCRIPT, size: 10, exec: true }]]],
    [
      'a file, and the same one as executable',
      [
        ['a', file()],
        ['b', { src: SCRIPT, size: 10, exec: true }],
      ],
    ],
    ['an empty file', [['empty', { src: EMPTY, size: 0 }]]],
    ['an empty directory in a directory', [['d', directory(0, 0)]]],
    [
      'every kind of entry',
      [
        ['bin', { tree: hex(digest(encode([['run.sh', file()]]))), size: 10, files: 1 }],
        ['link', { to: 'bin/run.sh' }],
        ['run.sh', { src: SCRIPT, size: 10, exec: true }],
        ['text', file()],
      ],
    ],
    [
      'sizes at the widths of a number',
      [23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32].map(
        (size) => [`of ${size}`, file(size)] as const,
      ),
    ],
    [
      'the largest size',
      [
        ['a', file(LARGEST)],
        ['b', file(0)],
      ],
    ],
    [
      'the largest totals',
      [
        ['d', directory(LARGEST - 10, LARGEST - 1)],
        ['f', file()],
      ],
    ],
    ['23 entries', numbered(23)],
    ['24 entries', numbered(24)],
    ['256 entries', numbered(256)],
    [
      'names of every length class',
      [1, 23, 24, 255].map((length) => ['n'.repeat(length), file()] as const),
    ],
    ['a name of 255 bytes in two-byte letters', [[`a${'é'.repeat(127)}`, file()]]],
    [
      'names in the order of their length',
      [
        ['aa', file()],
        ['b', file()],
        ['c', file()],
        ['aaa', file()],
      ],
    ],
    [
      'names that JavaScript knows',
      [
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        'length',
        '0',
        '1',
        '10',
        '-1',
      ].map((name) => [name, file()] as const),
    ],
    [
      'names of fields',
      ['tree', 'src', 'size', 'to', 'exec', 'files'].map((name) => [name, file()] as const),
    ],
    [
      'a name composed, and decomposed',
      [
        ['\u00e9', file()],
        ['e\u0301', file()],
      ],
    ],
    [
      'names that differ in case',
      [
        ['README', file()],
        ['readme', file()],
      ],
    ],
    [
      'beyond the basic plane: bytewise order is not that of UTF-16',
      [
        ['\uffee', file()],
        ['\u{1f600}', file()],
      ],
    ],
    [
      'a byte order mark is a character like others',
      [
        ['\ufeffa', file()],
        ['a', file()],
        ['l', { to: '\ufeffa' }],
      ],
    ],
    [
      'names that only some systems refuse',
      [
        'con',
        'a:b',
        'a\\b',
        'a ',
        'a.',
        '...',
        '.git',
        '-rf',
        '*',
        '~',
        'a\nb',
        '\u0001',
        '\u007f',
        '\u202e',
        '\ufffd',
        '\ufffe',
      ].map((name) => [name, file()] as const),
    ],
    [
      'links',
      ['.', '..', '/', '../../x', '/etc/passwd', 'a//b', 'ä'].map(
        (to, i) => [`l${i}`, { to }] as const,
      ),
    ],
    ['the longest link', [['l', { to: 'x'.repeat(4095) }]]],
  ]
  return cases.map(([what, unordered]) => {
    const entries = unordered.toSorted(([a], [b]) => (hex(ascii(a)) < hex(ascii(b)) ? -1 : 1))
    const bytes = encode(entries)
    if (decode(bytes) === undefined) throw new Error(`the model refuses its own directory: ${what}`)
    return { what, entries, bytes: hex(bytes), key: directoryKey(bytes) }
  })
}

function trees(): DirectoryVectors['trees'] {
  const script = ascii('#!/bin/sh\n')
  const leaf = encode([['run.sh', { src: SCRIPT, size: 10, exec: true }]])
  const leafEntry: ModelEntry = { tree: hex(digest(leaf)), size: 10, files: 1 }
  const middle = encode([
    ['a', leafEntry],
    ['b', leafEntry],
    ['c', { to: 'a' }],
  ])
  const middleEntry: ModelEntry = { tree: hex(digest(middle)), size: 20, files: 2 }
  const top = encode([
    ['m', middleEntry],
    ['run.sh', file()],
  ])
  const of = (...entries: ModelDirectory): Uint8Array => encode(entries)
  const cases: readonly (readonly [string, readonly Uint8Array[], Uint8Array])[] = [
    ['the empty directory', [], of()],
    ['a file', [script], leaf],
    [
      'one value under many names: sizes count each, and the store has one',
      [script, leaf, middle],
      top,
    ],
    ['links count as nothing, wherever they lead', [], of(['l', { to: '../../x' }])],
    ['a file is missing', [], leaf],
    ['a file and a directory are missing', [middle], top],
    ['a directory is missing', [script, middle], top],
    ['a child that is missing twice is named once', [], of(['a', file()], ['b', file()])],
    ['a file that is there as another size', [script], of(['a', file(11)])],
    ['a total of bytes that is wrong', [script, leaf], of(['a', { ...leafEntry, size: 9 }])],
    ['a total of files that is wrong', [script, leaf], of(['a', { ...leafEntry, files: 2 }])],
    [
      'a total that is wrong below',
      [script, leaf, of(['a', { ...leafEntry, size: 9 }])],
      of(['b', { tree: hex(digest(of(['a', { ...leafEntry, size: 9 }]))), size: 9, files: 1 }]),
    ],
    ['a directory that is a file', [script], of(['a', { tree: SCRIPT, size: 0, files: 0 }])],
    [
      'a directory as a file: its bytes are a value',
      [leaf],
      of(['a', { src: hex(digest(leaf)), size: leaf.length }]),
    ],
  ]
  return cases.map(([what, others, root]) => {
    const values = [...others, root]
    const hash = hex(digest(root))
    return { what, values: values.map(hex), root: hash, outcome: outcome(values, hash) }
  })
}
