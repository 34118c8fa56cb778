/**
 * Against the official tools, where they are installed: `b3sum` (Debian) and `bao` (`cargo install
 * bao_bin`).
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import { concat, equal, toHex } from '../../src/bytes.ts'
import { hash } from '../../src/hash/hasher.ts'
import { planPieces } from '../../src/hash/proof/piece-plan.ts'
import { encodeHeader, type ByteRange } from '../../src/hash/tree/tree.ts'
import { GIB } from '../../src/limits.ts'
import { hashFile } from '../../src/store/file/file-hasher.ts'
import { reordered, sourceOf } from './proof/pieces.ts'
import { BLAKE3_SIZES, TREE_SIZES, pattern } from './sizes.ts'

/** Is the tool there? If not, the test says so and tries nothing. */
function installed(t: ExecutionContext, tool: string): boolean {
  try {
    t.log(execFileSync(tool, ['--version'], { encoding: 'utf8' }).trim())
    return true
  } catch {
    t.log(`NOT TRIED: ${tool} is not installed`)
    t.pass()
    return false
  }
}

function temporaryFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-official-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('R001-1: b3sum prints the same digests, also over 4 GiB', async (t) => {
  if (!installed(t, 'b3sum')) return
  const folder = temporaryFolder(t)
  const files: string[] = []
  for (const size of new Set([...BLAKE3_SIZES, ...TREE_SIZES, 4 * GIB + 16_385])) {
    const path = join(folder, String(size))
    writeFileSync(path, pattern(Math.min(size, 2 ** 20)))
    truncateSync(path, size)
    files.push(path)
  }
  const lines = execFileSync('b3sum', files, { encoding: 'utf8' }).trim().split('\n')
  t.is(lines.length, files.length)
  for (const [i, file] of files.entries()) {
    t.is(lines[i], `${toHex((await hashFile(file)).digest)}  ${file}`)
  }
})

test('R002-17: with groups of one chunk, bao makes the same outboards, combined forms and slices', (t) => {
  if (!installed(t, 'bao')) return
  const folder = temporaryFolder(t)
  const file = join(folder, 'value')
  const encoded = join(folder, 'encoded')
  const bao = (...args: string[]): Buffer =>
    execFileSync('bao', args, { maxBuffer: 2 ** 24, stdio: ['ignore', 'pipe', 'pipe'] })
  let slices = 0
  for (const size of [
    0, 1, 1023, 1024, 1025, 2048, 2049, 3073, 4097, 8193, 16_384, 31_744, 100_001,
  ]) {
    const value = pattern(size)
    writeFileSync(file, value)
    const { digest, outboard } = hash(value, { groupBytes: 1024 })
    t.is(bao('hash', file).toString().trim(), toHex(digest))
    bao('encode', file, `--outboard=${join(folder, 'outboard')}`)
    const theirs = readFileSync(join(folder, 'outboard'))
    t.true(equal(theirs, concat([encodeHeader(size), outboard])), `outboard of ${size}`)
    bao('encode', file, encoded)
    const source = sourceOf(value, 1024)
    const sliceOf = (range: ByteRange): Uint8Array =>
      reordered(source, planPieces(size, range, 1024), 1024)
    const combined = sliceOf({ start: 0, end: size })
    t.true(equal(readFileSync(encoded), combined), `combined form of ${size}`)
    const edges = [0, 1, 1023, 1024, 1025, size >> 1, size - 1, size, size + 1, size + 9999]
    for (const start of edges.filter((edge) => edge >= 0)) {
      for (const count of [0, 1, 1024, 5000]) {
        const ours = sliceOf({ start, end: start + count })
        const slice = bao('slice', String(start), String(count), encoded)
        t.true(equal(slice, ours), `${count} bytes from ${start} of ${size}`)
        slices++
      }
    }
  }
  t.log(`${slices} slices`)
})
