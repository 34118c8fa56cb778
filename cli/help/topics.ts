/** `dstore help TOPIC`: what several commands have in common. */
import { PIPE_EXIT, SIGNAL_EXITS } from '../../src/daemon/process/signals.ts'
import { ERRORS } from '../../src/errors.ts'
import { table, wrap } from './wrap.ts'

/** A topic: paragraphs, then rows. */
interface Topic {
  readonly text: readonly string[]
  readonly rows?: () => readonly (readonly [string, string])[]
}

/** What each exit code stands for. */
export function exitCodes(): [code: number, meanings: readonly string[]][] {
  const byExit = new Map<number, string[]>([[0, ['it did all of what it was asked']]])
  for (const [code, { exit, meaning }] of Object.entries(ERRORS)) {
    byExit.set(exit, [...(byExit.get(exit) ?? []), `${code}: ${meaning}`])
  }
  for (const [signal, exit] of Object.entries(SIGNAL_EXITS)) {
    if (!byExit.has(exit)) byExit.set(exit, [`ended by ${signal}`])
  }
  byExit.set(PIPE_EXIT, [
    'the reader of standard output is gone, as in `dstore get KEY | head -c 10`',
  ])
  return [...byExit].toSorted(([a], [b]) => a - b)
}

/** By name. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  keys: {
    text: [
      'Where a command takes KEY, it takes a key or a name.',
      'A key is what `put` prints: bafkr4i... for a file, bafyr4i... for a directory. It is a hash of the bytes, so it never means anything else. 64 hex digits, as b3sum prints them, are the key of a file, too.',
      'A name is what `put --name`, `put --tag`, `name` or `tag` has bound, such as models/v1. KEY/PATH leads into a directory: models/v1/config.json.',
    ],
  },
  sizes: {
    text: ['A size or a time is a number and a unit.'],
    rows: () => [
      ['4096', 'bytes'],
      ['64MiB, 10GiB', 'KiB, MiB, GiB and TiB are powers of 1024'],
      ['1.5GB', 'kB, MB, GB and TB are powers of 1000'],
      ['200MiB/s', 'a rate, for --max-rate'],
      ['500ms, 30s, 5m', 'a time'],
      ['24h, 7d', 'a time'],
    ],
  },
  'exit-codes': {
    text: [
      'A command ends with the code of its error. `has` ends with 1 for no. With several arguments it is 0 if all succeeded, the common code if all ended alike, else 8.',
    ],
    rows: () => exitCodes().map(([code, meanings]) => [String(code), meanings.join('; ')] as const),
  },
  environment: {
    text: [
      'A flag overrides a variable, which overrides the saved settings. `dstore config` shows the settings of a node, and the variable of each.',
    ],
    rows: () => [
      ['DSTORE_DIR', 'the state directory, as --dir'],
      ['DSTORE_SOCKET', 'the socket of the daemon, as --socket'],
      ['DSTORE_TIMEOUT', 'as --timeout'],
      ['DSTORE_NO_START=1', 'as --no-start'],
      ['DSTORE_LOG_LEVEL', 'as --log-level, of a daemon that starts'],
      ['CI', 'if it is set, no progress is shown'],
      ['COLUMNS', 'the width of help and messages'],
    ],
  },
}

/** The page of a topic. */
export function topicHelp(name: string, columns: number): string {
  const { text, rows } = TOPICS[name]!
  const paragraphs = text.map((paragraph) => wrap(paragraph, columns))
  return [...paragraphs, ...(rows === undefined ? [] : [table(rows(), columns)])].join('\n\n')
}
