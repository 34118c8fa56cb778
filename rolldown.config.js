// The command line as one file that loads fast; what it needs only sometimes becomes a chunk of its own.
import { defineConfig } from 'rolldown'

/**
 * Modules that are left where the compiler puts them: one that starts threads from a file beside it, and the faults
 * that it throws, which would be another class if the command line had its own copy.
 */
const LEFT_IN_PLACE = /\/src\/(store\/file-hasher|errors)\.ts$/

const leaveInPlace = {
  name: 'leave-in-place',
  async resolveId(source, importer) {
    if (!source.startsWith('.')) return null
    const resolved = await this.resolve(source, importer, { skipSelf: true })
    const module = LEFT_IN_PLACE.exec(resolved?.id ?? '')?.[1]
    return module === undefined ? null : { id: `dstore-dist:${module}`, external: true }
  },
  // From the entry in dist/ as from a chunk in dist/chunks/.
  renderChunk(code, chunk) {
    const up = chunk.fileName.startsWith('chunks/') ? '../' : './'
    return code.replaceAll(/dstore-dist:([a-z/-]+)/g, `${up}src/$1.js`)
  },
}

export default defineConfig({
  input: { dstore: 'cli/dstore.ts' },
  platform: 'node',
  external: [/^node:/, /^[^./]/],
  plugins: [leaveInPlace],
  output: {
    dir: 'dist',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    format: 'esm',
    banner: '#!/usr/bin/env node',
    cleanDir: false,
  },
})
