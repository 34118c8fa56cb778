// The command line as one file that loads fast; what it needs only sometimes becomes a chunk of its own.
import { defineConfig } from 'rolldown'

export default defineConfig({
  input: {
    dstore: 'cli/dstore.ts',
    // A thread is loaded by its address, relative to the chunk that starts it.
    'chunks/file-hash-worker': 'src/store/file-hash-worker.ts',
  },
  platform: 'node',
  external: [/^node:/, /^[^./]/],
  output: {
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    format: 'esm',
    banner: '#!/usr/bin/env node',
    cleanDir: false,
  },
})
