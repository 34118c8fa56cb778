// The command line as one file that loads fast; what it needs only sometimes becomes a chunk of its own.
import { defineConfig } from 'rolldown'

const common = {
  platform: 'node',
  external: [/^node:/, /^[^./]/],
}
const output = { dir: 'dist', format: 'esm', cleanDir: false }

/**
 * What every start loads, and what larger parts share with it: one file of it, not ten, for each costs at every start.
 * The rest (a node, the prompt, archives) becomes chunks that are loaded when they are wanted.
 */
const SHARED = new RegExp(
  [
    'src/(errors|limits|bytes|node/version|membership/role)',
    'src/daemon/(answer|api|caller|client|connection|problem|quantities|addresses|http-address|group|settings)',
    'src/daemon/(socket-address|socket-place|state-directory|ready-line|log)',
    'cli/(?!hashing|ahead|candidates|shells|dstore|main|help)[\\w-]+',
  ]
    .map((path) => `/${path}\\.ts$`)
    .join('|'),
)

export default defineConfig([
  {
    ...common,
    input: { dstore: 'cli/dstore.ts' },
    output: {
      ...output,
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name]-[hash].js',
      banner: '#!/usr/bin/env node',
      codeSplitting: { groups: [{ name: 'shared', test: SHARED }] },
    },
  },
  {
    // Threads are started from a file that lies beside the chunk that starts them.
    ...common,
    input: {
      'file-hash-worker': 'src/store/file-hash-worker.ts',
      'proof-worker': 'src/node/proof-worker.ts',
    },
    output: { ...output, entryFileNames: 'chunks/[name].js' },
  },
])
