/** Directories at random, and what the model of document 008 calls them. */
import * as fc from 'fast-check'
import type { ModelDirectory, ModelEntry } from '../../specs/models/directories.ts'
import { toHex } from '../../src/bytes.ts'
import type { Entry } from '../../src/directory/directory.ts'
import { faultOfName } from '../../src/directory/names.ts'
import { digest } from '../wire/arbitraries.ts'

const size = fc.oneof(
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
  fc.nat({ max: 2 ** 48 }),
)

export const name: fc.Arbitrary<string> = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 90 }),
    fc.constantFrom('__proto__', 'constructor', '0', '10', 'tree', '\ufeff', '\uffff', '\u{10000}'),
  )
  .filter((text) => faultOfName(text) === undefined)

export const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ type: fc.constant('file' as const), digest, size, executable: fc.boolean() }),
  fc.record({ type: fc.constant('directory' as const), digest, size, files: size }),
  fc.record({ type: fc.constant('link' as const), target: name }),
)

/** Entries under different names, in any order. */
export const entries: fc.Arbitrary<[string, Entry][]> = fc.uniqueArray(fc.tuple(name, entry), {
  selector: ([text]) => text,
  maxLength: 30,
})

export const modelOf = (list: Iterable<readonly [string, Entry]>): ModelDirectory =>
  Array.from(list, ([text, of]) => [text, modelEntry(of)])

function modelEntry(of: Entry): ModelEntry {
  switch (of.type) {
    case 'file':
      return { src: toHex(of.digest), size: of.size, ...(of.executable && { exec: true }) }
    case 'directory':
      return { tree: toHex(of.digest), size: of.size, files: of.files }
    case 'link':
      return { to: of.target }
  }
}
