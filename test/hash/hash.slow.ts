import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { vectorFile, valueVectors } from '../../specs/models/vectors.ts'
import { toHex } from '../../src/bytes.ts'
import { GIB } from '../../src/limits.ts'
import { hashFile } from '../../src/store/file-hasher.ts'
import { attack } from './attacks.ts'
import { ENGINES } from './engines.ts'
import { BLAKE3_SIZES, TREE_SIZES, pattern } from './sizes.ts'

test('R002-11, R002-13, R002-15: half a million random attacks are refused', (t) => {
  const [kernel, scalar] = ENGINES
  t.notThrows(() => attack(400_000, kernel!))
  t.notThrows(() => attack(100_000, scalar!))
})

test("the committed vectors are the model's", (t) => {
  t.is(readFileSync('specs/vectors/002-verified-values.json', 'utf8'), vectorFile(valueVectors()))
})

test('R001-1: b3sum prints the same digests, also over 4 GiB', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dstore-b3sum-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const files: string[] = []
  for (const size of new Set([...BLAKE3_SIZES, ...TREE_SIZES, 4 * GIB + 16_385])) {
    const path = join(folder, String(size))
    writeFileSync(path, pattern(Math.min(size, 2 ** 20)))
    truncateSync(path, size)
    files.push(path)
  }
  const lines = execFileSync('b3sum', files, { encoding: 'utf8' }).trim().split('\n')
  for (const [i, file] of files.entries()) {
    t.is(lines[i], `${toHex((await hashFile(file)).digest)}  ${file}`)
  }
})
