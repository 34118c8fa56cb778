import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { hash } from '../../../src/hash/hasher.ts'
import { hasBytes } from '../../../src/tree/extract/compare.ts'
import { test } from '../../serial.ts'
import { emptyFolder } from '../on-disk.ts'

test('R008-70 what takes the place of a file meanwhile is not waited for, nor read without end', async (t) => {
  const path = join(emptyFolder(t), 'file')
  const bytes = Buffer.from('hello')
  const entry = { type: 'file', digest: hash(bytes).digest, size: 5, executable: false } as const
  fs.writeFileSync(path, bytes)
  const stats = fs.lstatSync(path)
  t.true(await hasBytes(path, stats, entry, undefined))
  fs.writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(1)]))
  t.false(await hasBytes(path, stats, entry, undefined))
  fs.rmSync(path)
  execFileSync('mkfifo', [path])
  t.false(await hasBytes(path, stats, entry, undefined))
})
