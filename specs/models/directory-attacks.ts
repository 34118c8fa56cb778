/** Values that look like directories, and are none: for the vectors of document 008. */
import {
  bytesItem,
  decode,
  encode,
  head,
  hex,
  link,
  map,
  text,
  uint,
  unhex,
  yes,
  type Bytes,
} from './directories.ts'
import { digest } from './verified-values.ts'

export interface RefusedDirectory {
  readonly why: string
  /** Hex. */
  readonly bytes: string
}

const ascii = (value: string): Uint8Array => new TextEncoder().encode(value)
const SCRIPT = hex(digest(ascii('#!/bin/sh\n')))
const EMPTY_DIRECTORY = hex(digest(encode([])))
const LARGEST = 2 ** 53 - 1

/** A directory of entries that are written already. */
const tree = (...entries: readonly (readonly [Bytes, Bytes])[]): Bytes =>
  map([text('tree'), map(...entries)])
/** A directory with one entry, of this name as it is written. */
const named = (name: Bytes): Bytes => tree([name, good()])
/** A directory with one entry of these fields, as they are written. */
const withEntry = (...fields: readonly (readonly [Bytes, Bytes])[]): Bytes =>
  tree([text('a'), map(...fields)])

const SRC = [text('src'), link(0x55, SCRIPT)] as const
const SIZE = [text('size'), uint(10)] as const
const EXEC = [text('exec'), yes] as const
const TREE = [text('tree'), link(0x71, EMPTY_DIRECTORY)] as const
const FILES = [text('files'), uint(0)] as const
const TO = [text('to'), text('b')] as const
const good = (): Bytes => map(SRC, SIZE)
const sized = (size: Bytes): Bytes => withEntry(SRC, [text('size'), size])
/** A file whose link is written like this. */
const linked = (item: Bytes): Bytes => withEntry([text('src'), item], SIZE)
/** A file whose CID is this. */
const ofCid = (cid: Bytes): Bytes => linked([...head(6, 42), ...bytesItem([0, ...cid])])
const SHA256 = Array.from({ length: 32 }, (_, i) => i)
const LIST_OF_NONE: Bytes = [0x80]
const NULL: Bytes = [0xf6]
const FALSE: Bytes = [0xf4]
const NAMES_OF_TWO: Bytes = text('b')

/** Values that are almost directories, and why they are none. */
export function refusedDirectories(): RefusedDirectory[] {
  const cases: readonly (readonly [string, Bytes])[] = [
    ['nothing', []],
    ['text', [...ascii('#!/bin/sh\n')]],
    ['JSON', [...ascii('{"tree":{}}')]],
    ['a list', LIST_OF_NONE],
    ['null', NULL],
    ['a number', uint(1)],
    ['an empty map', map()],
    ['a map of two fields', map([text('tree'), map()], [text('trees'), map()])],
    ['a field of another name', map([text('Tree'), map()])],
    ['the words of MASL', map([text('resources'), map()])],
    ['a name of its field that is bytes', map([bytesItem([...ascii('tree')]), map()])],
    ['a number as the name of its field', map([uint(0), map()])],
    ['a list for its entries', map([text('tree'), LIST_OF_NONE])],
    ['null for its entries', map([text('tree'), NULL])],
    ['a tag around it', [...head(6, 55_799), ...tree()]],
    ['a byte after it', [...tree(), 0]],
    ['two directories', [...tree(), ...tree()]],
    ['its head cut off', [0xa1]],
    ['its entries cut off', [0xa1, ...text('tree')]],
    ['its last byte cut off', tree([text('a'), good()]).slice(0, -1)],
    ['more entries stated than there are', [0xa1, ...text('tree'), 0xa2, ...text('a'), ...good()]],
    ['2^53 entries stated', [0xa1, ...text('tree'), ...head(5, 2n ** 53n)]],
    ['2^64 - 1 entries stated', [0xa1, ...text('tree'), ...head(5, 2n ** 64n - 1n)]],
    ['fewer entries stated than there are', [0xa1, ...text('tree'), 0xa0, ...text('a'), ...good()]],

    ['a head in one byte more', [...head(5, 1, 1), ...text('tree'), 0xa0]],
    ['a head in eight bytes more', [0xa1, ...text('tree'), ...head(5, 0, 8)]],
    ['a map without a stated length', [0xbf, ...text('tree'), 0xa0, 0xff]],
    ['entries without a stated length', [0xa1, ...text('tree'), 0xbf, 0xff]],
    ['an entry without a stated length', tree([text('a'), [0xbf, ...TO[0], ...TO[1], 0xff]])],
    ['a name without a stated length', named([0x7f, ...text('a'), 0xff])],
    ['a reserved length', [0xbc, ...text('tree'), 0xa0]],
    ['the length of a name in one byte more', named([...head(3, 1, 1), 0x61])],
    ['the length of a name in two bytes more', named([...head(3, 1, 2), 0x61])],
    ['a size in one byte more', sized(head(0, 10, 1))],
    ['the largest such size in one byte more', sized(head(0, 23, 1))],
    ['a size in two bytes more', sized(head(0, 255, 2))],
    ['a size in four bytes more', sized(head(0, 65_535, 4))],
    ['a size in eight bytes more', sized(head(0, 2 ** 32 - 1, 8))],

    ['names not in order', tree([text('b'), good()], [text('a'), good()])],
    ['a longer name before a shorter one', tree([text('aa'), good()], [text('b'), good()])],
    ['a name twice', tree([text('a'), good()], [text('a'), good()])],
    ['a name twice, for other entries', tree([text('a'), good()], [text('a'), map(TO)])],
    ['fields not in order', withEntry(SIZE, SRC)],
    ['exec after size', withEntry(SRC, SIZE, EXEC)],
    ['totals not in order', withEntry(TREE, SIZE, FILES)],
    ['a field twice', withEntry(SRC, SIZE, SIZE)],

    ['an unknown field', withEntry(SRC, SIZE, [text('mode'), uint(0o644)])],
    ['an unknown field at its place', withEntry(SRC, [text('mode'), uint(0o644)], SIZE)],
    ['a time', withEntry(SRC, SIZE, [text('mtime'), uint(0)])],
    ['a field in capitals', withEntry([text('SRC'), SRC[1]], SIZE)],
    ['a field with a NUL before it', withEntry([text('\0to'), TO[1]])],
    ['an entry without fields', withEntry()],
    ['a file without its size', withEntry(SRC)],
    ['a size without its file', withEntry(SIZE)],
    ['an executable without its size', withEntry(SRC, EXEC)],
    ['a directory without its files', withEntry(SIZE, TREE)],
    ['a directory without its size', withEntry(TREE, FILES)],
    ['totals without their directory', withEntry(SIZE, FILES)],
    ['a file with files', withEntry(SRC, SIZE, FILES)],
    ['a directory that is executable', withEntry(EXEC, SIZE, TREE, FILES)],
    ['a file and directory', withEntry(SRC, SIZE, TREE, FILES)],
    ['a link and file', withEntry(TO, SRC, SIZE)],
    ['a link with a size', withEntry(TO, SIZE)],
    ['a plain link for an entry', tree([text('a'), link(0x55, SCRIPT)])],
    ['null for an entry', tree([text('a'), NULL])],
    ['a list for an entry', tree([text('a'), LIST_OF_NONE])],

    ['exec that is false', withEntry(SRC, [text('exec'), FALSE], SIZE)],
    ['exec that is null', withEntry(SRC, [text('exec'), NULL], SIZE)],
    ['exec that is 1', withEntry(SRC, [text('exec'), uint(1)], SIZE)],
    ['exec in a byte more', withEntry(SRC, [text('exec'), [0xf8, 21]], SIZE)],
    ['a negative size', sized([0x29])],
    ['a size of 2^53', sized(head(0, 2n ** 53n))],
    ['a size of 2^64 - 1', sized(head(0, 2n ** 64n - 1n))],
    ['a size as a bignum', sized([...head(6, 2), ...bytesItem([10])])],
    ['a size as text', sized(text('10'))],
    ['a size as a half float', sized([0xf9, 0x49, 0x00])],
    ['a size as a double', sized([0xfb, 0x40, 0x24, 0, 0, 0, 0, 0, 0])],
    ['a size that is not a number', sized([0xf9, 0x7e, 0x00])],
    ['a size that is null', sized(NULL)],
    ['a size that is undefined', sized([0xf7])],
    ['a negative number of files', withEntry(SIZE, TREE, [text('files'), [0x20]])],
    [
      'sizes that add up to 2^53',
      tree(
        [text('a'), map(SRC, [text('size'), uint(LARGEST)])],
        [NAMES_OF_TWO, map(SRC, [text('size'), uint(1)])],
      ),
    ],
    [
      'files that add up to 2^53',
      tree([text('a'), good()], [NAMES_OF_TWO, map(SIZE, TREE, [text('files'), uint(LARGEST)])]),
    ],

    ['a link as text', linked(text('bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi'))],
    ['a link as a digest', linked(bytesItem(unhex(SCRIPT)))],
    ['a link without its tag', linked(link(0x55, SCRIPT).slice(2))],
    ['a link of another tag', linked([...head(6, 43), ...link(0x55, SCRIPT).slice(2)])],
    ['the tag in a byte more', linked([...head(6, 42, 2), ...link(0x55, SCRIPT).slice(2)])],
    ['two tags', linked([...head(6, 42), ...link(0x55, SCRIPT)])],
    [
      'a link whose length is in a byte more',
      linked([...head(6, 42), ...head(2, 37, 2), 0, ...cidOf(0x55)]),
    ],
    ['a link without its zero', linked([...head(6, 42), ...bytesItem(cidOf(0x55))])],
    [
      'a link with another byte for its zero',
      linked([...head(6, 42), ...bytesItem([1, ...cidOf(0x55)])]),
    ],
    ['a link to nothing', linked([...head(6, 42), ...bytesItem([0])])],
    ['a file whose link is to a directory', linked(link(0x71, EMPTY_DIRECTORY))],
    [
      'a directory whose link is to a file',
      withEntry(SIZE, [text('tree'), link(0x55, SCRIPT)], FILES),
    ],
    ['a link to dag-pb', ofCid([1, 0x70, 0x1e, 32, ...SHA256])],
    ['a link of SHA-256', ofCid([1, 0x55, 0x12, 32, ...SHA256])],
    ['a link of version 0', ofCid([0x12, 32, ...SHA256])],
    ['a link of version 2', ofCid([2, 0x55, 0x1e, 32, ...SHA256])],
    ['a link of 31 bytes', ofCid([1, 0x55, 0x1e, 31, ...SHA256.slice(1)])],
    ['a link of 33 bytes', ofCid([1, 0x55, 0x1e, 33, 0, ...SHA256])],
    ['a link with a byte after it', ofCid([...cidOf(0x55), 0])],
    ['a link cut short', ofCid(cidOf(0x55).slice(0, -1))],
    ['a link with its version in a byte more', ofCid([0x81, 0, ...cidOf(0x55).slice(1)])],

    ['an empty name', named(text(''))],
    ['the name .', named(text('.'))],
    ['the name ..', named(text('..'))],
    ['a name with a slash', named(text('a/b'))],
    ['a path upwards', named(text('../b'))],
    ['an absolute path', named(text('/b'))],
    ['a name that ends in a slash', named(text('a/'))],
    ['a name with a NUL', named(text('a\0'))],
    ['a name of 256 bytes', named(text('n'.repeat(256)))],
    ['a name of 256 bytes in 128 letters', named(text('é'.repeat(128)))],
    ['a name that is bytes', named(bytesItem([0x61]))],
    ['a name that is a number', named(uint(0))],
    ['a name of Latin-1', named([0x61, 0xe9])],
    ['a name with a NUL in two bytes', named([0x62, 0xc0, 0x80])],
    ['a name with a slash in two bytes', named([0x62, 0xc0, 0xaf])],
    ['a name with half of a surrogate pair', named([0x63, 0xed, 0xa0, 0x80])],
    [
      'a name with a surrogate pair in six bytes',
      named([0x66, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]),
    ],
    ['a name cut within a letter', named([0x61, 0xc3])],
    ['a name beyond Unicode', named([0x64, 0xf4, 0x90, 0x80, 0x80])],

    ['a link to an empty text', withEntry([text('to'), text('')])],
    ['a link to a text with a NUL', withEntry([text('to'), text('a\0b')])],
    ['a link to 4096 bytes', withEntry([text('to'), text('x'.repeat(4096))])],
    ['a link to bytes', withEntry([text('to'), bytesItem([0x62])])],
    ['a link to Latin-1', withEntry([text('to'), [0x61, 0xe9]])],
    ['a link to null', withEntry([text('to'), NULL])],

    ['lists in lists', Array.from({ length: 1000 }, () => 0x81)],
    ['maps in maps', Array.from({ length: 1000 }, () => 0xa1)],
    ['tags in tags', Array.from({ length: 1000 }, () => 0xc1)],
    ['directories in directories, in one value', nested(20)],
  ]
  return cases.map(([why, bytes]) => {
    if (decode(Uint8Array.from(bytes)) !== undefined) throw new Error(`the model takes ${why}`)
    return { why, bytes: hex(bytes) }
  })
}

function cidOf(codec: number): Bytes {
  return [1, codec, 0x1e, 32, ...unhex(SCRIPT)]
}

function nested(depth: number): Bytes {
  return depth === 0 ? tree() : tree([text('a'), nested(depth - 1)])
}
