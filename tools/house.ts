/**
 * The table of folders in `CONTRIBUTING.md`: what each folder of `src` and `cli` is for, and how
 * large it is. A test compares page and tree; `npm run house` rewrites the page.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { parseSync } from 'rolldown/utils'
import { markdownOf, sectionUnder } from './tables.ts'
import type { Table } from './tables.ts'

export const HOUSE_PAGE = 'CONTRIBUTING.md'
export const HOUSE_HEADING = '### Folders'

/** What each folder is for. A test fails for a folder without a purpose. */
export const PURPOSES: Readonly<Record<string, string>> = {
  cli: 'The entry of the command line: arguments, flags, help, the connection to a daemon.',
  'cli/archive': 'Reads and writes the tar archives of `export` and `import`.',
  'cli/commands': 'The commands, one file for each or for a few that belong together.',
  'cli/commands/names': 'Tags, rules, and how names are bound.',
  'cli/commands/lists': 'The commands that list names, and say what they hold.',
  'cli/commands/node': 'The commands about the node of a directory: its settings and its log.',
  'cli/commands/pins': 'The commands about what stays on this machine.',
  'cli/commands/gocache': 'The cache program of the go command.',
  'cli/commands/hf': "Publishes folders for Hugging Face's clients.",
  'cli/commands/tokens': 'The commands about tokens of the API over TCP.',
  'cli/commands/page': 'Opens the page of a node in the browser.',
  'cli/commands/set': 'The commands about a set: who is active, and who steps down.',
  'cli/completion': 'Completes commands, flags and names in a shell.',
  'cli/delivery':
    'Delivers one value: to standard output, to a file, or by the hands of the daemon.',
  'cli/doctor': 'Examines this node: gathers facts, checks them, prints findings with remedies.',
  'cli/doctor/archive': 'Examines the archive: note, key file, bucket.',
  'cli/doctor/set': 'Examines a set: its members, its engine, what a member alone can say.',
  'cli/help': 'Help pages: the overview, commands, topics, and lines that fit a terminal.',
  'cli/input': 'What a command reads: files, standard input, ranges, tickets.',
  'cli/many': 'Commands on many values at once: lists, bounds, files, progress.',
  'cli/repl': 'The interactive prompt: statements, history, completion.',
  'cli/tree':
    'What commands share that lead into directories: put, get, ls, stat, prefetch, evict.',
  'cli/tree/tar': 'Directories as tar files, and tar files as directories.',
  'cli/terminal': 'What a command prints: text, tables, progress.',
  src: "The library's entry, and leaves that every folder may import.",
  'src/daemon/api': 'The words that the daemon and its clients share: headers, paths, problems.',
  'src/daemon/client': 'Calls a daemon over its socket or TCP; a node as the daemon shows it.',
  'src/daemon/config': 'Settings, the state directory, addresses, the API token.',
  'src/node/global/archive':
    'What an archive changes at a node: identity, leases, removals, rows of the daemon, status.',
  'src/node/global/set':
    'What a set changes at its active member: held answers, addresses, status.',
  'src/node/global/store': 'Opens the store of a node, and reports on it.',
  'src/daemon/http/session': 'Sessions of the page: codes, tokens, and the API over TCP for it.',
  'src/daemon/http/page': 'Serves the files of the page.',
  'src/daemon/client/session': 'The calls of a client about sessions of the page.',
  'src/daemon/http/statistics': 'Counts requests and their durations, and samples what moves.',
  'src/daemon/http/events': 'Tells readers of events what changes; transfers in progress.',
  'src/index/global/removals': 'Follows removals until every Local has acknowledged them.',
  'src/node/activity': 'What a node does now: its counts, transfers and removals.',
  'src/daemon/http/set': 'What a member of a set answers, and when it may.',
  'src/daemon/config/set': 'Settings of a set, and the secrets of its engine.',
  'src/daemon/process/set': 'A member of a set as a node: opened, standing by, active.',
  'src/daemon/http/archive': 'The figures of an archive.',
  'src/daemon/config/archive': 'Settings of the archive, and the note that a store has one.',
  'src/daemon/client/events': 'The calls of a client that tell what changes.',
  'src/daemon/client/set': 'The calls of a client about its set.',
  'src/daemon/client/lists': 'The lists of a client.',
  'src/daemon/client/tokens': 'The calls of a client about tokens.',
  'src/daemon/client/pins': 'The calls of a client about pins.',
  'src/daemon/client/names':
    'The calls of a client about tags and rules, and those that older daemons do not know.',
  'src/daemon/config/tokens': 'The tokens of the API over TCP: their file, and which are valid.',
  'src/daemon/delivery': 'Writes values to files that clients have made for them.',
  'src/daemon/http': 'The HTTP server: one file for each group of routes.',
  'src/daemon/http/immediate':
    'Answers a GET of a small value in memory in the turn of its request.',
  'src/daemon/http/lists': 'Lists of keys and names, a page at a time, as bytes.',
  'src/daemon/http/names': 'How requests want names bound; tags, and rules of prefixes.',
  'src/daemon/http/pins': 'Pins, and the rates that requests bound fetches to.',
  'src/daemon/http/tokens':
    'Who makes a request, what it may do, and the node that a prefix confines it to.',
  'src/daemon/http/trees': 'Puts of trees, directories by path, and the content types of files.',
  'src/daemon/http/doors': 'Hands requests to doors, by path and role, and counts them.',
  'src/doors': 'Opens doors, the ways in for the tools of others, when they are wanted.',
  'src/doors/cache': 'Build caches over HTTP: plain paths, Turborepo, Nx.',
  'src/doors/cache/plain':
    'Entries by their path, as ccache, sccache, Bazel, Nix and Gradle want them.',
  'src/doors/cache/turbo': 'Artifacts of Turborepo, with what it says of them.',
  'src/doors/cache/nx': 'The self-hosted cache of Nx.',
  'cli/gocache': 'What `gocache` stands on: the protocol, a folder of outputs, uploads.',
  'src/doors/hf': "The endpoint of Hugging Face's clients.",
  'src/doors/hf/upstream':
    'Reads through to the endpoint of others: asks, verifies, and stores what is missing.',
  'src/doors/ipfs': 'A trustless gateway for raw blocks, and RASL.',
  'src/doors/dav': 'WebDAV and pages to browse, read-only.',
  'src/daemon/outgoing': 'Requests to HTTP servers of others, to addresses that may be reached.',
  'src/daemon/process': 'The process: start, background, lock, log file, listening, shutdown.',
  'src/store/paths': 'Copies of values and folders of links, which other processes open.',
  'src/node/calls/paths': 'Hands out files of values and folders of directories, in either role.',
  'src/node/local/paths': "The files of a Local's cache, as other processes may map them.",
  'src/node/global/paths': "The files of Global's own store, as other processes may map them.",
  'src/daemon/http/paths': 'Files of values for processes of this machine, held by a connection.',
  'src/daemon/client/paths': 'Asks a daemon for files of values, and holds them.',
  'cli/commands/paths': 'Files of values to map or to execute.',
  'src/store/cached': 'Files of cached values: writing, reading, what is found after a restart.',
  'src/node/files': "The second tier of a Local's cache: values in files, and who holds them.",
  'src/directory': 'The form of a directory, and its one encoding.',
  'src/hash': 'What a value is called: keys, the hash of a stream, its outboard.',
  'src/hash/engine': 'BLAKE3 over chunk groups: in WebAssembly, plain JavaScript or an addon.',
  'src/hash/engine/kernel': 'Assembles the WebAssembly kernel.',
  'src/hash/engine/native': 'Finds, loads and tests the native addon, which is optional.',
  'src/hash/proof': 'Plans, builds and verifies the proof of a range of bytes.',
  'src/hash/tree': "The arithmetic of a value's tree, and sets of groups.",
  'src/index':
    'The messages, names, rules, leases and failures of the index, which both sides share.',
  'src/index/codec': 'Index messages to and from protobuf.',
  'src/index/codec/rules': 'Messages about rules to and from protobuf.',
  'src/index/global': "Global's state machine: the order of changes, sessions, the feed, removals.",
  'src/index/global/names': 'Names at Global: the names of a key, tags, expiry, operations.',
  'src/index/global/requests': 'Serves requests: by which plan or flow, and for whom.',
  'src/index/global/rules': 'Rules by prefix: what they charge, and what is unbound for them.',
  'src/index/global/trees': 'Directories at Global: holds, counts of who holds what, cascades.',
  'src/index/lists': 'Lists of names: patterns, levels, pages as columns of memory.',
  'src/index/local': "A Local's state machine: freshness, requests in flight, revalidation.",
  'src/index/records': 'Rows and log entries as the store keeps them.',
  'src/archive': "A store's copy in a bucket: its journal, snapshots, large values, restoring it.",
  'src/archive/values': 'The objects of values: uploads in parts, ranges, removals.',
  'src/archive/snapshots': 'Copies of the records in the bucket: when, taken, read back, loaded.',
  'src/archive/following':
    "Keeps the bucket's journal equal to the store's own: what is sent, and acknowledged.",
  'src/set': 'Globals over one journal: who is active, what standbys follow, how one takes over.',
  'src/set/notes': 'What the members of a set say about themselves.',
  'src/bucket': 'Objects in an S3-compatible bucket: conditional puts, uploads in parts, ranges.',
  'src/journal': 'The order of every write to a store: entries, appenders, who may append.',
  'src/journal/bucket':
    'A journal in a bucket: several entries an object, fenced by conditional puts.',
  'src/journal/file': 'A journal in preallocated files on the disk of this machine.',
  'src/journal/engine': 'What journals in services share: doubt, followers, clients, URLs.',
  'src/journal/nats': 'A journal in a stream of NATS JetStream.',
  'src/journal/postgres': 'A journal in tables of PostgreSQL.',
  'src/library': 'What programs call, over a node in their process or over a daemon.',
  'src/limits': 'Every bound that a spec states, by document.',
  'src/membership': 'Who may take part: members, tickets, admission, refusals.',
  'src/network': 'Channels to other nodes over libp2p.',
  'src/network/lane': 'Lanes: plain TLS connections for bulk data, beside libp2p.',
  'src/node': 'The interface of a node, and how one is opened.',
  'src/node/cache': "A Local's memory: cached values, segments, receive buffers.",
  'src/node/calls/copies': 'Copies verified values into files of callers.',
  'src/node/local/reads': 'How a Local finds a value at Global, and reads one past its cache.',
  'src/node/tiers': "The two tiers of a Local's cache as one, and reads from their files.",
  'src/node/calls/names': 'How callers want names bound, and the names of a key.',
  'src/node/calls/lists': 'Lists of names and their totals, page by page.',
  'src/node/calls': 'What both roles do alike for a call: ranges, batches, byte budgets.',
  'src/node/global': 'The role Global: runs the index, stores uploads, serves and repairs values.',
  'src/node/global/counts': 'Counts again what keeps each key, and corrects wrong counts.',
  'src/node/global/lists': "Pages of names out of Global's store, and what the store has.",
  'src/node/local': 'The role Local: the link to Global, puts, reads in progress.',
  'src/node/global/trees': 'Reads directories for the index of Global.',
  'src/node/inactive':
    'The store of an earlier role at a Local: uploads it to Global, or deletes it.',
  'src/node/upload': 'Uploads values whose key is known from sources that can be read again.',
  'src/node/pins': 'What a Local keeps in its cache: pins, the values that they need, their file.',
  'src/node/words': 'Words that lead to something in a stored tree: a key or name, and a path.',
  'src/node/swarm': 'Downloads one value from Global and other Locals, and serves them.',
  'src/store': 'The interface of a store, and its quota.',
  'src/store/copy': 'Threads that copy values of a store into files of callers, verified.',
  'src/store/disk': 'A store on disk: LMDB, value files, staging, recovery, quarantine.',
  'src/store/disk/follower': 'The records of a store that only follows a journal.',
  'src/store/disk/archived':
    'The values of a store with an archive: uploaded when staged, evicted, fetched again.',
  'src/store/disk/commit': 'Changes on their way into journal and records, replay, and room.',
  'src/store/disk/replica': 'The records as the journal makes them: overlay, changes, flushes.',
  'src/store/disk/records': 'LMDB: records, the log and small values.',
  'src/store/disk/staged': 'Values on their way into the disk store: staged, partial, sealed.',
  'src/store/file': 'Files of a caller, hashed by several threads, and files that hold secrets.',
  'src/store/memory': 'A store in memory.',
  'src/transfer': 'The transfer protocol: fetch, upload, serve, and who holds what.',
  'src/transfer/schedule': 'Which source is asked for which part of a value.',
  'src/tree': 'Folders on disk to directories of the store and back, over a node.',
  'src/tree/build': 'Makes directories of a list of paths and keys.',
  'src/tree/build/spooled':
    'Makes directories of entries that come in any order, in little memory.',
  'src/tree/extract': 'Writes stored trees to folders, and brings folders to their state.',
  'src/tree/put': 'Hashes a folder and sends what is not stored yet, under a hold.',
  'src/tree/put/cache': 'Remembers the keys of files whose stats did not change.',
  'src/tree/put/walk': 'Lists the folders of a tree on disk, and refuses what cannot be stored.',
  'src/tree/read': 'Reads stored trees: words, entries, walks.',
  'src/wire': 'Channels, and the frames on them.',
}

/** Is a source file written by a tool? */
export function isGenerated(path: string): boolean {
  return path.endsWith('_pb.ts') || path === 'src/hash/engine/kernel-bytes.ts'
}

/** The source files of the house, generated ones among them, by folder. */
export function sourcesByFolder(): Map<string, string[]> {
  const folders = new Map<string, string[]>()
  for (const top of ['cli', 'src']) {
    for (const entry of readdirSync(top, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
      const folder = posix.normalize(entry.parentPath.replaceAll('\\', '/'))
      folders.set(folder, [...(folders.get(folder) ?? []), posix.join(folder, entry.name)])
    }
  }
  return new Map([...folders].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A row for each folder. Lines count the files that people write. */
export function houseTable(): Table {
  const rows = [...sourcesByFolder()].map(([folder, paths]) => {
    const lines = paths
      .filter((path) => !isGenerated(path))
      .map((path) => readFileSync(path, 'utf8').split('\n').length - 1)
      .toSorted((a, b) => a - b)
    const sizes = [paths.length, median(lines), lines.at(-1)]
    return [`\`${folder}\``, PURPOSES[folder] ?? '', ...sizes.map((size) => String(size ?? 0))]
  })
  return [['Folder', 'Purpose', 'Files', 'Median lines', 'Most lines'], ...rows]
}

/** Of numbers in ascending order. */
function median(sorted: readonly number[]): number {
  const middle = (sorted.length - 1) / 2
  return Math.round((sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2)
}

/** The sentence below the table. */
export function houseTotal(): string {
  const folders = [...sourcesByFolder()]
  const paths = folders.flatMap(([, files]) => files).filter((path) => !isGenerated(path))
  const lines = paths.reduce((sum, path) => sum + codeLines(readFileSync(path, 'utf8')), 0)
  const most = Math.max(...folders.map(([, files]) => files.length))
  const fullest = folders.filter(([, files]) => files.length === most)
  const names = fullest.map(([folder]) => `\`${folder}\``).join(' and ')
  const total = `Total without generated files: ${paths.length} files, ${lines} lines of code`
  return `${total} (comments and blank lines not counted). Fullest: ${names}, ${most} files.`
}

/** Lines of a TypeScript source that hold more than comments and spaces. */
export function codeLines(source: string): number {
  let bare = source
  for (const { start, end } of parseSync('source.ts', source).comments) {
    const blank = source.slice(start, end).replaceAll(/[^\n]/g, ' ')
    bare = bare.slice(0, start) + blank + bare.slice(end)
  }
  return bare.split('\n').filter((line) => line.trim() !== '').length
}

/** Write table and total into the page. */
export function writeHouse(): void {
  const page = readFileSync(HOUSE_PAGE, 'utf8')
  const section = sectionUnder(page, HOUSE_HEADING)
  const intro = section.slice(0, section.indexOf('\n|') + 1)
  const written = `${intro}${markdownOf(houseTable())}\n${houseTotal()}\n`
  writeFileSync(
    HOUSE_PAGE,
    page.replace(section, () => written),
  )
}
