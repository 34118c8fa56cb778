/** How much memory the entries of a large archive take. The process has no other tests. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MIB } from '../../../src/limits.ts'
import { SpooledTree } from '../../../src/tree/build/spooled/spooled-tree.ts'
import { DigestTable } from '../../../src/tree/digest-table.ts'
import { test } from '../../serial.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function usedBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const ENTRIES = 1_000_000

function digestOf(number: number): Uint8Array {
  const digest = new Uint8Array(32)
  new DataView(digest.buffer).setUint32(0, Math.imul(number, 0x9e3779b1))
  new DataView(digest.buffer).setUint32(4, number)
  return digest
}

test('R007-280: a million entries of an archive take less than 64 MiB of memory', (t) => {
  const before = usedBytes()
  const tree = new SpooledTree()
  for (let at = 0; at < ENTRIES; at++) {
    const path = `a/project/folder-${Math.floor(at / 1000)}/a-file-with-a-name-${at}.txt`
    tree.set(path, { type: 'file', digest: digestOf(at), size: at, executable: false })
  }
  const taken = (usedBytes() - before) / MIB
  t.true(taken < 64, `${taken} MiB`)
  t.true(tree.size > ENTRIES)
  tree.close()
})

test('R007-282: a million digests take less than 64 MiB of memory', (t) => {
  const before = usedBytes()
  const table = new DigestTable()
  for (let at = 0; at < ENTRIES; at++) table.add(digestOf(at))
  const taken = (usedBytes() - before) / MIB
  t.true(taken < 64, `${taken} MiB`)
  t.is(table.size, ENTRIES)
})
