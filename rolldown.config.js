// The command line as one file that loads fast; what it needs only sometimes becomes a chunk of its own. Libraries are in
// them: to find and load their thousand files took two thirds of a daemon's start.
import { defineConfig } from 'rolldown'
import { licensePlugin } from 'rolldown-license-plugin'

const common = {
  platform: 'node',
  // What brings a binary with it.
  external: [/^node:/, 'lmdb', 'fs-native-extensions'],
}
const output = {
  dir: 'dist',
  format: 'esm',
  cleanDir: false,
  chunkFileNames: 'chunks/[name]-[hash].js',
}

/** What the libraries' authors ask of whoever passes their work on. */
const licenses = licensePlugin({
  failOnUnlicensed: true,
  done(libraries, context) {
    const texts = libraries.map(
      ({ name, version, license, licenseText }) =>
        `${name} ${version} (${license})\n\n${licenseText}`,
    )
    const source = `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
    context.emitFile({ type: 'asset', fileName: 'chunks/LICENSES.txt', source })
  },
})

/**
 * What every start loads, and what larger parts share with it: one file of it, not ten, for each costs at every start.
 * The rest (a node, the prompt, archives) becomes chunks that are loaded when they are wanted.
 */
const SHARED = new RegExp(
  [
    'src/(errors|limits|platform|bytes|node/version|node/calls/batches|membership/role)',
    'src/daemon/(api|client)/(?!remote-node)[\\w-]+',
    'src/daemon/config/(?!http-token)[\\w-]+',
    'src/daemon/process/(readiness|log)',
    'cli/(?!dstore|main|help)[\\w-]+',
    'cli/terminal/[\\w-]+',
    'cli/input/(?!hashing)[\\w-]+',
  ]
    .map((path) => `/${path}\\.ts$`)
    .join('|'),
)

/**
 * Node opens /dev/null for closed standard streams before it runs any JavaScript, so a shell looks at them first (R007-98)
 * and becomes Node. To JavaScript its line is a string and a comment.
 */
const BANNER = `#!/bin/sh
':' //; c=; command : 2>/dev/null 3<&0 || c=0; command : 2>/dev/null 3<&1 || c=$\{c}1; DSTORE_CLOSED="$$:$c" exec node "$0" "$@"`

export default defineConfig([
  {
    ...common,
    input: { dstore: 'cli/dstore.ts' },
    plugins: [licenses],
    output: {
      ...output,
      entryFileNames: '[name].js',
      postBanner: ({ isEntry }) => (isEntry ? BANNER : ''),
      codeSplitting: { groups: [{ name: 'shared', test: SHARED }] },
    },
  },
  {
    // Threads are started from a file that lies beside the chunk that starts them.
    ...common,
    input: {
      'file-hash-worker': 'src/store/file/file-hash-worker.ts',
      'verify-worker': 'src/node/swarm/verify-worker.ts',
    },
    output: { ...output, entryFileNames: 'chunks/[name].js' },
  },
])
