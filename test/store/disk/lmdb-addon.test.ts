import * as lmdb from 'lmdb'
import { DstoreError } from '../../../src/errors.ts'
import { loadLmdbAddon } from '../../../src/store/disk/records/lmdb-addon.ts'
import { test } from '../../serial.ts'

/** What lmdb has loaded; its types do not have it. */
const { nativeAddon } = lmdb as unknown as { nativeAddon: object }

test('R007-166: a bundle loads the same binary as lmdb by itself', (t) => {
  t.is(loadLmdbAddon(process), nativeAddon)
})

test('R007-166: a Node without a binary of its own has the one for all', (t) => {
  const { platform, arch } = process
  const addon = loadLmdbAddon({ platform, arch, versions: { modules: '1' } })
  t.deepEqual(Object.keys(addon as object).includes('Env'), true)
})

test('R007-166: a system without a binary is told which package it lacks', (t) => {
  const system = { platform: 'sunos', arch: 'x64', versions: process.versions }
  const error = t.throws(() => loadLmdbAddon(system), { instanceOf: DstoreError })
  t.is(error.code, 'unreadable')
  t.is(error.message, 'the package @lmdb/lmdb-sunos-x64 cannot be loaded')
  t.regex(error.hint ?? '', /^install dstore with its optional packages; /)
})
