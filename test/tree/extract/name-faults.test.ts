import * as fs from 'node:fs'
import { join } from 'node:path'
import { checkNames, probeNames } from '../../../src/tree/extract/name-faults.ts'
import { checkTree } from '../../../src/tree/extract/extract-tree.ts'
import { Listings } from '../../../src/tree/read/listings.ts'
import { test } from '../../serial.ts'
import { emptyFolder } from '../on-disk.ts'
import { StoredValues } from '../stored-values.ts'

const EXACT = { foldsCase: false, normalises: false }
const FOLDS = { foldsCase: true, normalises: false }
const NORMALISES = { foldsCase: false, normalises: true }
const BOTH = { foldsCase: true, normalises: true }

test('R008-75 names that meet on the file system are refused by their directory', (t) => {
  const meet = (names: readonly string[], rules: typeof BOTH): boolean => {
    try {
      checkNames(names, 'out/sub', rules)
      return false
    } catch (error) {
      const { message } = error as Error
      t.true(message.startsWith('out/sub: this file system takes '), message)
      return true
    }
  }
  const cases: readonly (readonly string[])[] = [
    ['Readme', 'README'],
    ['\u00e9', 'e\u0301'],
    ['\u00c9', 'e\u0301'],
    ['stra\u00dfe', 'STRASSE'],
    ['\u03c3', '\u03c2'],
    ['a', 'b'],
  ]
  const found = cases.map((names) => [EXACT, FOLDS, NORMALISES, BOTH].map((r) => meet(names, r)))
  t.deepEqual(found, [
    [false, true, false, true],
    [false, false, true, true],
    [false, false, false, true],
    [false, true, false, true],
    [false, true, false, true],
    [false, false, false, false],
  ])
})

test('R008-75 a whole tree is checked before its first file is read', async (t) => {
  const stored = new StoredValues()
  const key = stored.tree({ 'a/b/c/Name': '1', 'a/b/c/name': '2', 'a/x': '3' })
  const listings = new Listings(stored)
  await t.throwsAsync(checkTree(listings, key, 'out', FOLDS), {
    code: 'unwritable',
    message: 'out/a/b/c: this file system takes Name and name for one name',
  })
  await t.notThrowsAsync(checkTree(listings, key, 'out', EXACT))
  t.is(stored.reads.length, 4)
})

test('R008-75 what a file system does to names is found out, and leaves nothing', (t) => {
  const folder = emptyFolder(t)
  const rules = probeNames(folder)
  t.deepEqual(fs.readdirSync(folder), [])
  fs.writeFileSync(join(folder, 'Name'), '')
  fs.writeFileSync(join(folder, '\u00e9'), '')
  t.deepEqual(rules, {
    foldsCase: fs.existsSync(join(folder, 'name')),
    normalises: fs.existsSync(join(folder, 'e\u0301')),
  })
})
