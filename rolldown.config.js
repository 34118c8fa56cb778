// The command line as one file that loads fast; what it needs only sometimes becomes a chunk of its own.
import { defineConfig } from 'rolldown'

const common = {
  platform: 'node',
  external: [/^node:/, /^[^./]/],
}
const output = { dir: 'dist', format: 'esm', cleanDir: false }

/** What every command loads and some larger part, too: one file of it, not ten, for each costs at every start. */
const SHARED =
  /\/src\/(errors|limits|bytes|node\/version|daemon\/(?!http\/|(daemon|foreground|background|lock|log-file|pipe-input)\.)[\w/-]+)\.ts$|\/cli\/node-flags\.ts$/

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
    input: { 'file-hash-worker': 'src/store/file-hash-worker.ts' },
    output: { ...output, entryFileNames: 'chunks/[name].js' },
  },
])
