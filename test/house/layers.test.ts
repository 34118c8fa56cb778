import { test } from '../serial.ts'
import { filesIn, read, sourceOf } from './tree.ts'
import type { Source } from './tree.ts'

/**
 * The layers, from the command line down to the hash. A file imports from its own layer and from
 * those below it in this list. So each layer can be read, tested and replaced without those above.
 */
const LAYERS = [
  'cli', // the command line, a client of the daemon's API
  'src/dstore.ts', // the library's entry: what programs import
  'src/library', // the API for programs, over their own node or a daemon's
  'src/doors', // ways in for the tools of others, over the API's server
  'src/daemon', // process, lock, configuration, HTTP API and its client
  'src/tree', // folders on disk to directories and back, over a node
  'src/node', // the roles Global and Local, the cache, downloads from many peers
  'src/network', // libp2p and the lanes: channels to other nodes
  'src/index', // which keys exist, and the order of every change
  'src/transfer', // values in transit between nodes
  'src/membership', // who may take part
  'src/wire', // channels and frames
  'src/set', // Globals over one journal in an engine
  'src/archive', // a store's copy in a bucket: its journal, snapshots and large values
  'src/store', // stores of values, on disk and in memory
  'src/journal', // the order of every write to a store, before the store has it
  'src/bucket', // objects in an S3-compatible bucket
  'src/directory', // the form and the encoding of a directory
  'src/hash', // keys, and the proof of a value's bytes
  'src/deadline.ts', // the leaves import only each other
  'src/log.ts',
  'src/limits.ts',
  'src/limits',
  'src/bytes.ts',
  'src/inspect.ts',
  'src/utf8.ts',
  'src/platform.ts',
  'src/optional-package.ts',
  'src/errors.ts',
  'src/errno.ts',
]

const LEAVES = new Set([
  'src/deadline.ts',
  'src/log.ts',
  'src/limits.ts',
  'src/limits',
  'src/bytes.ts',
  'src/inspect.ts',
  'src/utf8.ts',
  'src/platform.ts',
  'src/optional-package.ts',
  'src/errors.ts',
  'src/errno.ts',
])

/** Modules that only some folders may import, and why. */
const RESERVED = [
  {
    modules: /^(@libp2p\/|libp2p$|@chainsafe\/libp2p-|@multiformats\/multiaddr$|uint8arraylist$)/,
    folders: ['src/network'],
    why: 'protocols are written against Channel, so that they run without a network',
  },
  {
    modules: /^node:fs(\/|$)/,
    folders: [
      'src/store',
      'src/journal/file',
      'src/daemon',
      'src/tree',
      'cli',
      'src/hash/engine/native',
    ],
    why: 'only stores, journals, trees and the daemon own files; one folder looks for an addon',
  },
  {
    modules: /^node:(net|tls|dgram)$/,
    folders: ['src/network', 'src/daemon'],
    why: 'only the network and the local API open sockets',
  },
  {
    modules: /^node:(http2?|https)$/,
    folders: ['src/daemon'],
    why: 'only the local API speaks HTTP',
  },
  {
    modules: /^lmdb$/,
    folders: ['src/store/disk'],
    why: 'one folder adapts the database',
  },
  {
    modules: /^fs-native-extensions$/,
    folders: ['src/daemon/process'],
    why: 'one folder locks the state directory',
  },
  {
    modules: /^prom-client$/,
    folders: ['src/daemon/http'],
    why: 'one folder writes metrics',
  },
  {
    modules: /^@(aws-sdk|smithy)\//,
    folders: ['src/bucket'],
    why: 'one folder speaks to buckets',
  },
  {
    modules: /^@nats-io\//,
    folders: ['src/journal/nats'],
    why: 'one folder speaks to NATS',
  },
  {
    modules: /^pg$/,
    folders: ['src/journal/postgres'],
    why: 'one folder speaks to PostgreSQL',
  },
  {
    modules: /^modern-tar$/,
    folders: ['cli/archive'],
    why: 'one folder reads and writes archives',
  },
]

const sources: Source[] = [...filesIn('src'), ...filesIn('cli')]
  .filter((path) => path.endsWith('.ts'))
  .map(sourceOf)

/** The layer that a file belongs to, or undefined. */
const layerOf = (path: string): string | undefined =>
  LAYERS.find((layer) => path === layer || path.startsWith(`${layer}/`))

test('every source file belongs to a layer', (t) => {
  t.true(sources.length > 0)
  for (const { path } of sources) {
    t.truthy(layerOf(path), `${path} is in no layer: move it into one, or add its layer here`)
  }
})

test('imports point down the list of layers, never up', (t) => {
  for (const { from, to, own } of sources.flatMap((source) => source.imports)) {
    if (!own) continue
    const upper = layerOf(from)
    const lower = layerOf(to)
    t.truthy(lower, `${from} imports ${to}, which is in no layer`)
    if (upper === undefined || lower === undefined) continue
    t.true(
      LAYERS.indexOf(upper) <= LAYERS.indexOf(lower),
      `${from} imports ${to}: ${upper} is below ${lower} and must not import it`,
    )
  }
})

test('one file asks which system this is', (t) => {
  const asking = sources.filter(({ path }) => /\bprocess\.(platform|arch)\b/.test(read(path)))
  t.deepEqual(
    asking.map(({ path }) => path),
    ['src/platform.ts'],
  )
})

const isLeaf = (path: string): boolean => LEAVES.has(layerOf(path) ?? '')

test('the leaves import only each other', (t) => {
  for (const source of sources.filter(({ path }) => isLeaf(path))) {
    for (const { to } of source.imports) {
      t.true(isLeaf(to), `${source.path} is a leaf, so it must not import ${to}`)
    }
  }
})

for (const { modules, folders, why } of RESERVED) {
  test(`${modules.source} is imported only in ${folders.join(', ')}`, (t) => {
    for (const { from, to } of sources.flatMap((source) => source.imports)) {
      if (!modules.test(to)) continue
      t.true(
        folders.some((folder) => from.startsWith(`${folder}/`)),
        `${from} imports ${to}, but ${why}`,
      )
    }
    t.pass()
  })
}

test('process is used only in the daemon and the command line, and to tell the system', (t) => {
  for (const { path, usesProcess } of sources) {
    if (!usesProcess || path === 'src/platform.ts') continue
    t.true(
      ['src/daemon', 'cli'].includes(layerOf(path) ?? ''),
      `${path} uses process: take a parameter instead, so that a test can replace it`,
    )
  }
  t.pass()
})

for (const entry of ['cli/dstore.ts', 'src/dstore.ts']) {
  test(`${entry} starts without loading libp2p`, (t) => {
    const loaded = new Set<string>()
    const load = (path: string): void => {
      if (loaded.has(path)) return
      loaded.add(path)
      for (const { to, own, loaded: now } of sources.find((s) => s.path === path)?.imports ?? []) {
        if (!now) continue
        t.notRegex(to, RESERVED[0]!.modules, `${path} loads ${to}: use import() where it is needed`)
        if (own) load(to)
      }
    }
    load(entry)
    t.true(loaded.size > 1)
  })
}

test('every export has a name, the same everywhere', (t) => {
  for (const { path, hasDefaultExport } of sources) {
    t.false(hasDefaultExport, `${path} has a default export`)
  }
})

test('a file is named after what it holds', (t) => {
  for (const { path } of sources) {
    t.notRegex(path, /(^|[/-])(utils?|helpers?|managers?|misc|common)([./-]|$)/, path)
  }
})
