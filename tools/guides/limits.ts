/** `docs/reference/limits.md`: the limits that a user meets, and what happens at each. */
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import * as limits from '../../src/limits.ts'
import { amount, markdownOf } from '../tables.ts'

export const LIMITS = 'docs/reference/limits.md'

const NOTE =
  '<!-- Written by `npm run reference` from `tools/guides/limits.ts` and `src/limits`. -->'

/** `{NAME}` stands for the limit of that name, `[code]` for a refusal with that code. */
type Row = readonly [what: string, limit: string, atLimit: string]

const SECTIONS: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  [
    'Values and names',
    [
      [
        'a value',
        '{VALUE_BYTES}; in practice the disk',
        '[no-space], before any byte of it is kept that would not fit',
      ],
      ['values and names in a store', 'none but the disk', '[no-space]'],
      ['a name', '{NAME_BYTES} of UTF-8', '[usage]'],
      ['targets that a tag remembers', '{TAG_HISTORY}', 'the oldest is forgotten'],
      [
        "how long a tag's former target is kept without another name",
        '{TAG_KEEP_MS}, or `--keep`',
        'it is removed',
      ],
      ['rules of a Global', '{RULES}', '[usage]'],
      [
        'an interrupted upload',
        '{UNFINISHED_MS}, and {UNFINISHED_BYTES} for all',
        'the oldest go; the next put of such a file starts over',
      ],
    ],
  ],
  [
    'Folders',
    [
      ['entries of one folder', '{DIRECTORY_ENTRIES}', '[too-large], before anything is sent'],
      ['the directory value of one folder', '{DIRECTORY_BYTES}', '[too-large]'],
      ['levels of folders', '{DIRECTORY_DEPTH}', '[too-large]'],
      ['the name of an entry', '{ENTRY_NAME_BYTES} of UTF-8', '[usage]'],
      ['the target of a symbolic link', '{LINK_TARGET_BYTES}', '[usage]'],
      [
        'a put of a folder that broke off',
        '{HOLD_MS}',
        'what it sent is removed; a put before that sends only the rest',
      ],
      ['such puts in progress at one Global', '{HOLDS}', '[busy]'],
    ],
  ],
  [
    'Cache and memory',
    [
      [
        '`--cache` of a daemon, if it is not set',
        '{CACHE_PERCENT} % of the memory, or of the limit of the control group, and at most {CACHE_BYTES}',
        'the values that were read longest ago are evicted',
      ],
      [
        '`cacheBytes` of a Local in a program, if it is not set',
        '{LIBRARY_CACHE_BYTES}',
        'as above',
      ],
      [
        'values in files of the cache (`--cache-dir`)',
        '{CACHED_FILES}, and the budget',
        'as above',
      ],
      ['pins of a node', '{PINS}', '[too-large]'],
      ['values that the pins of a node keep', '{PINNED_VALUES}', '[too-large]'],
      ['bytes on their way through a node', '{IN_FLIGHT_BYTES}', 'calls wait for their turn'],
    ],
  ],
  [
    'Members and tickets',
    [
      ['members of a Global', '{MEMBERS}', '[busy]'],
      ['Locals that a Global knows', '{REGISTERED_LOCALS}', '[busy]'],
      ['tickets that are not used up', '{TICKETS}', '[busy]'],
      ['nodes that one ticket admits', '1 to {TICKET_USES} (`--uses`); 1', '[usage]'],
      [
        'how long a ticket is good',
        '{LEAST_TICKET_MS} to {LONGEST_TICKET_MS} (`--expires`); {TICKET_MS}',
        '[not-permitted]',
      ],
      ['addresses in a ticket', '{TICKET_ADDRESSES}', 'the others are left out'],
      ['the members of a set', '{SET_MEMBERS}', 'further ones are not shown'],
    ],
  ],
  [
    'Tokens and the page',
    [
      ['tokens of a node', '{TOKENS}', '[busy]'],
      ['how long a token is good', '{LONGEST_TOKEN_MS} at most; no end, if it is not set', '401'],
      ['a label', '{LABEL_CHARS} characters', '[usage]'],
      ['a code for a session of the page', '{PAGE_CODE_MS}, and once', '401'],
      ['a session of the page', '{PAGE_SESSION_MS}', '401'],
      ['sessions of one daemon', '{PAGE_SESSIONS}', 'the oldest ends'],
    ],
  ],
  [
    'Connections and requests',
    [
      [
        'connections to the socket, and as many over TCP',
        '{HTTP_CONNECTIONS}',
        'further ones wait, then get 503',
      ],
      ['calls of one client at a time', '{CLIENT_CALLS}', 'further ones wait, then [busy]'],
      [
        'values, lists and uploads of one client at a time',
        '{CLIENT_STREAMS}',
        'further ones wait, then [busy]',
      ],
      ['a JSON body', '{HTTP_JSON_BYTES}', '[too-large]'],
      [
        'one batch of values',
        '{BATCH_ITEMS} values, {INLINE_VALUE_BYTES} each, {HTTP_BATCH_BYTES} together',
        '[too-large]; the library sends larger ones by themselves',
      ],
      ['a statement of `dstore repl`', '{STATEMENT_CHARS} characters', '[too-large]'],
      [
        'connections of members to a node',
        '{CONNECTIONS}',
        'further ones are refused, and dial again',
      ],
      [
        'strangers at a time, and how long each may stay',
        '{STRANGERS}, {ADMISSION_MS}',
        'they are cut off',
      ],
      ['the path of the socket', '{SOCKET_PATH_BYTES}', 'another one is chosen, or [unwritable]'],
    ],
  ],
  [
    'Time',
    [
      [
        'a call without progress',
        '{CALL_TIMEOUT_MS}, or `--timeout` up to {LONGEST_TIMEOUT_MS}',
        '[timeout]',
      ],
      ['a transfer while Global restarts', '{BROKEN_TRANSFER_MS}', '[unreachable]'],
      [
        'a request while another member of a set takes over',
        '{FAILOVER_PATIENCE_MS}',
        '[unreachable]',
      ],
      [
        'a removal while a Local does not acknowledge it',
        '{REMOVAL_TIMEOUT_MS}, and the lease',
        '[partial]: the Local is named, and drops the value before it serves anything again',
      ],
      [
        'how long a Local trusts what it holds without hearing from Global',
        '{DOUBT_MS}',
        'it asks first; without an answer it serves on, unless a lease is set',
      ],
      ['a lease', '{LEAST_LEASE_MS} to {LONGEST_LEASE_MS}; none', 'the Local stops serving'],
      [
        'a Local that is away',
        '{FORGET_AFTER_MS}, or `--forget-after`',
        'removals wait for it no more, and it checks all that it holds when it is back',
      ],
      [
        'changes that `watch --after` can begin at',
        'the last {LOG_CHANGES}, and {LOG_AGE_MS}',
        '`watch` says that it has missed some',
      ],
      ['a start of the daemon', '{START_MS} without a step', '[unreachable]'],
      ['calls in progress when a daemon stops', '{SHUTDOWN_MS}', 'they are cut off'],
      ["a daemon's log file", '{LOG_FILE_BYTES}', 'it is rotated'],
    ],
  ],
  [
    'An archive',
    [
      ['changes that the bucket may lack', '{ARCHIVE_LAG_BYTES} or {ARCHIVE_LAG_MS}', 'puts wait'],
      ['removals while the bucket is away', '{ARCHIVE_CONFIRM_MS}', '[partial]'],
    ],
  ],
]

export function limitsPage(): string {
  const sections = SECTIONS.map(([title, rows]) => {
    const cells = rows.map((row) => row.map(filled))
    return `## ${title}\n\n${markdownOf([['what', 'limit', 'at the limit'], ...cells]).trimEnd()}`
  })
  return [
    `# Limits\n\n${NOTE}`,
    'The limits that a user can meet, and what happens at each. A refusal changes nothing. What follows a semicolon\n' +
      'is the default. Every limit of the protocols is in [the conventions](../../specs/000-conventions.md#limits), and what\n' +
      'was measured in [bench](../../bench/README.md).',
    ...sections,
  ]
    .join('\n\n')
    .concat('\n')
}

const filled = (text: string): string =>
  text
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => shown(name))
    .replaceAll(/\[([a-z-]+)\]/g, (_, code: string) => refusal(code as ErrorCode))

function refusal(code: ErrorCode): string {
  if (!Object.hasOwn(ERRORS, code)) throw new Error(`no such code: ${code}`)
  return `refused with \`${code}\` (exit code ${ERRORS[code].exit})`
}

/** A limit as a person writes it: in days and years where they fit, and with thousands apart. */
function shown(name: string): string {
  const value = (limits as unknown as Record<string, number | undefined>)[name]
  if (value === undefined) throw new Error(`no such limit: ${name}`)
  if (name.endsWith('_MS')) return duration(value)
  return amount(name, value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',')
}

function duration(ms: number): string {
  const units = {
    year: 31_536_000_000,
    day: 86_400_000,
    hour: 3_600_000,
    minute: 60_000,
    second: 1000,
  }
  for (const [unit, factor] of Object.entries(units)) {
    if (ms >= factor && ms % factor === 0) return counted(ms / factor, unit)
  }
  return `${ms} ms`
}

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`
