/** Makes the vectors of document 009 from its model: `npm run vectors` writes them. */
import { hex } from './directories.ts'
import {
  type ModelChange,
  type ModelEntry,
  NO_ENTRY,
  bigEndian,
  encode,
  entryDigest,
  fieldsOf,
  journalOf,
} from './journal-entries.ts'
import { type FileVector, fileVectors } from './journal-file-vectors.ts'
import { type ObjectVector, objectVectors } from './journal-object-vectors.ts'
import {
  HERE,
  LARGEST,
  begin,
  changes,
  everything,
  large,
  nothing,
  put,
} from './journal-samples.ts'

export interface JournalVectors {
  readonly entries: readonly {
    readonly what: string
    readonly entry: ModelEntry
    /** Hex. */
    readonly bytes: string
    /** What the next entry states. */
    readonly digest: string
  }[]
  /** An entry, in hex, of which each change makes bytes that are no entry. */
  readonly changed: string
  readonly refused: readonly {
    readonly why: string
    /** In `changed`, from byte `at` on, `take` bytes are replaced by these. */
    readonly at: number
    readonly take: number
    readonly put: string
    readonly code: 'integrity' | 'incompatible'
  }[]
  /** Entries as a replica reads them: so many are accepted, and the next one is `integrity`. */
  readonly journals: readonly {
    readonly what: string
    readonly entries: readonly string[]
    readonly accepted: number
  }[]
  /** Segments, and what an opening finds. */
  readonly files: readonly FileVector[]
  /** Objects in a bucket, and what a reader finds. */
  readonly objects: readonly ObjectVector[]
}

export function journalVectors(): JournalVectors {
  return {
    entries: entries(),
    changed: hex(encode(full())),
    refused: refused(),
    journals: journals(),
    files: fileVectors(),
    objects: objectVectors(),
  }
}

/** The second entry of a journal, with these changes. */
const second = (...all: readonly ModelChange[]): ModelEntry =>
  journalOf([begin, changes(...all)])[1]!

const full = (): ModelEntry =>
  second(
    everything,
    { type: 'trim', upto: 42 },
    { type: 'damaged', location: HERE },
    { type: 'replace', location: HERE, by: large },
  )

function entries(): JournalVectors['entries'] {
  const [first, beat, bye] = journalOf([begin, { kind: 'heartbeat' }, { kind: 'farewell' }])
  const cases: readonly (readonly [string, ModelEntry])[] = [
    ['the first entry of a journal', first!],
    ['a heartbeat', beat!],
    ['a farewell', bye!],
    ['the put of a small value', second(put)],
    ['a transaction that does nothing', second(nothing)],
    ['every kind of part', second(everything)],
    ['every kind of change', full()],
    [
      'the largest numbers',
      {
        ...first!,
        epoch: 2 ** 32 - 1,
        number: LARGEST,
        position: LARGEST,
        acknowledged: LARGEST - 1,
      },
    ],
  ]
  return cases.map(([what, entry]) => {
    const bytes = encode(entry)
    return { what, entry, bytes: hex(bytes), digest: entryDigest(bytes) }
  })
}

function refused(): JournalVectors['refused'] {
  const whole = fieldsOf(full())
  const found: JournalVectors['refused'][number][] = []
  const starts = [0]
  for (const [, bytes] of whole) starts.push(starts.at(-1)! + bytes.length)
  const length = starts.at(-1)!
  const cut = (why: string, at: number): void => {
    found.push({ why, at, take: length - at, put: '', code: 'integrity' })
  }
  const replace = (
    i: number,
    bytes: readonly number[],
    why: string,
    code: 'integrity' | 'incompatible',
  ): void => {
    found.push({ why, at: starts[i]!, take: whole[i]![1].length, put: hex(bytes), code })
  }
  /** The entry with other bytes in the first field of this name. */
  const change = (
    name: string,
    bytes: readonly number[],
    why: string,
    code: 'integrity' | 'incompatible' = 'integrity',
  ): void => {
    const at = whole.findIndex(([one]) => one === name)
    if (at < 0) throw new Error(`no field ${name}`)
    replace(at, bytes, `${name}: ${why}`, code)
  }
  whole.forEach(([name, bytes], i) => {
    if (bytes.length > 0) cut(`it ends before field ${i}, ${name}`, starts[i]!)
    if (bytes.length > 1) cut(`it ends in field ${i}, ${name}`, starts[i + 1]! - 1)
  })
  found.push({ why: 'a byte follows it', at: length, take: 0, put: '00', code: 'integrity' })
  change('format', [0], 'an earlier one that there never was')
  change('format', [2], 'a later one', 'incompatible')
  change('kind', [0], 'none')
  change('kind', [5], 'unknown')
  change('kind', [2], 'a heartbeat with changes')
  change('epoch', bigEndian(0, 8), '0')
  change('epoch', bigEndian(2 ** 32, 8), 'more than four bytes')
  for (const name of [
    'epoch',
    'number',
    'position',
    'acknowledged',
    'version',
    'size',
    'length of outboard',
    'seq',
  ]) {
    change(name, bigEndian(2n ** 53n, 8), '2^53')
    change(name, bigEndian(2n ** 64n - 1n, 8), '2^64 - 1')
  }
  change('position', bigEndian(0, 8), '0')
  change('acknowledged', bigEndian(2, 8), 'its own position')
  change('number of changes', bigEndian(0, 4), 'none')
  change('number of changes', bigEndian(16_385, 4), 'too many')
  for (const name of [
    'change',
    'condition',
    'write',
    'increment',
    'adopted value',
    'released value',
  ]) {
    change(`number of ${name}s`, bigEndian(2 ** 32 - 1, 4), 'more than there are bytes')
  }
  change('number of conditions', bigEndian(262_145, 4), 'too many')
  change('type', [0], 'none')
  change('type', [5], 'unknown')
  change('kind of condition', [0], 'none')
  change('kind of condition', [4], 'unknown')
  change('table', [0], 'none')
  change('table', [4], 'unknown')
  change('length of id', bigEndian(0, 2), 'none, of a version')
  change('length of id', bigEndian(1025, 2), 'too long')
  change('presence of record', [2], 'neither 0 nor 1')
  change('length of record', bigEndian(2 ** 20 + 1, 4), 'too long')
  change('presence of log entry', [255], 'neither 0 nor 1')
  change('length of log entry', bigEndian(2 ** 20 + 1, 4), 'too long')
  change('increment', bigEndian(2n ** 53n, 8), '2^53')
  change('increment', bigEndian(-(2n ** 53n), 8), '-2^53')
  change('place', [0], 'none')
  change('place', [4], 'unknown')
  change('size', bigEndian(16_385, 8), 'a small value that is too large')
  const counter = whole.findIndex(([name]) => name === 'number of increments') + 1
  replace(counter, [1], 'a counter in the table of keys', 'integrity')
  return found
}

function journals(): JournalVectors['journals'] {
  const four = [
    begin,
    changes(put),
    { kind: 'heartbeat' },
    changes({ type: 'trim', upto: 1 }),
  ] as const
  const good = journalOf(four)
  const broken = (
    what: string,
    change: Partial<ModelEntry>,
  ): JournalVectors['journals'][number] => {
    // The rest follows the changed entry, so that it alone is at fault.
    const entries = journalOf(four.map((body, i) => (i === 2 ? { ...body, ...change } : body)))
    return { what, entries: entries.map((entry) => hex(encode(entry))), accepted: 2 }
  }
  const next: Partial<ModelEntry> = { epoch: 2, writer: '33'.repeat(16), number: 1 }
  const taken = journalOf([
    begin,
    changes(put),
    { kind: 'begin', ...next },
    { kind: 'heartbeat', ...next, number: 2 },
  ])
  const whole = (
    what: string,
    list: readonly ModelEntry[],
    accepted: number,
  ): JournalVectors['journals'][number] => ({
    what,
    entries: list.map((entry) => hex(encode(entry))),
    accepted,
  })
  return [
    whole('a journal', good, 4),
    whole('a writer that takes over', taken, 4),
    whole(
      'the overtaken writer goes on',
      [
        ...taken.slice(0, 3),
        { ...good[2]!, position: 4, number: 3, before: entryDigest(encode(taken[2]!)) },
      ],
      3,
    ),
    whole('an entry is missing', [good[0]!, good[2]!], 1),
    whole('an entry comes twice', [good[0]!, good[1]!, good[1]!], 2),
    whole('it does not begin with the first', good.slice(1), 0),
    whole('the first entry does not begin an epoch', journalOf([changes(put)]), 0),
    whole(
      'a farewell, and more of the same writer',
      journalOf([begin, { kind: 'farewell' }, { kind: 'heartbeat' }]),
      2,
    ),
    whole(
      'a farewell, and another writer',
      journalOf([begin, { kind: 'farewell' }, { kind: 'begin', ...next }]),
      3,
    ),
    broken('another history', { before: 'ff'.repeat(32) }),
    broken('no history', { before: NO_ENTRY }),
    broken('another set', { set: '44'.repeat(16) }),
    broken('another writer that has not begun', { writer: '33'.repeat(16) }),
    broken('another epoch that was not begun', { epoch: 2 }),
    broken('an earlier epoch that begins', { kind: 'begin', epoch: 1, writer: '33'.repeat(16) }),
    broken('another position', { position: 4 }),
    broken('a number that was used', { number: 2 }),
    broken('what was acknowledged is taken back', { acknowledged: 0 }),
  ]
}
