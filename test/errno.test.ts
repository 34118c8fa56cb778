import { readdirSync } from 'node:fs'
import { test } from './serial.ts'
import { systemFault } from '../src/errno.ts'
import { asDstoreError, type DstoreError } from '../src/errors.ts'
import { faultOf as faultOfJournal } from '../src/journal/file/faults.ts'
import { faultOf } from '../src/store/disk/faults.ts'
import { unreadableFile, unwritableFile } from '../src/store/file/file-faults.ts'
import type { ErrorCode } from '../src/errors.ts'

const errorOf = (code: string | number, syscall = 'write', path?: string): Error =>
  Object.assign(new Error(`${code}: raw words`), { code, syscall, path })

const CODES: readonly [errno: string, code: ErrorCode, reason: RegExp][] = [
  ['ENOSPC', 'no-space', /the disk is full/],
  ['EDQUOT', 'no-space', /quota/],
  ['Unknown system error -122', 'no-space', /quota/],
  ['Unknown system error -69', 'no-space', /quota/],
  ['Unknown system error -116', 'unwritable', /no such file/],
  ['Unknown system error -70', 'unwritable', /no such file/],
  ['EILSEQ', 'unwritable', /does not accept this name/],
  ['EFBIG', 'no-space', /larger than the system allows/],
  ['EMFILE', 'busy', /too many open files/],
  ['ENFILE', 'busy', /too many open files/],
  ['EAGAIN', 'busy', /short of a resource/],
  ['ENOMEM', 'busy', /not enough memory/],
  ['ERR_WORKER_INIT_FAILED', 'busy', /too many processes or threads/],
  ['EROFS', 'unwritable', /read-only/],
  ['EIO', 'unwritable', /input or output error/],
  ['EBUSY', 'unwritable', /in use, as a mount point/],
  ['ENXIO', 'unwritable', /a socket, or a device/],
  ['ENOENT', 'unwritable', /no such file/],
  ['ENOTDIR', 'unwritable', /part of its path is a file/],
  ['EACCES', 'unwritable', /permission denied/],
  ['EEXIST', 'unwritable', /a file is in its place/],
]

test('R007-112 an error of the system is the same fault wherever it comes in, and never internal', (t) => {
  for (const [errno, code, reason] of CODES) {
    const error = errorOf(errno, 'write', '/some/file')
    for (const fault of [asDstoreError(error), faultOf(error, 'write a value') as DstoreError]) {
      t.is(fault.code, code, errno)
      t.regex(fault.message, reason)
      t.notRegex(fault.message, /raw words|\n/)
      t.is(fault.cause, error)
    }
    t.regex(asDstoreError(error).message, /^\/some\/file: /)
    t.regex(faultOf(error, 'write a value').message, /^cannot write a value: /)
  }
})

test('R007-112 what only reads is unreadable, and too few resources are busy there, too', (t) => {
  for (const errno of ['ENOENT', 'EACCES', 'EIO', 'ELOOP', 'ENAMETOOLONG', 'ENOTDIR', 'EISDIR']) {
    t.is(asDstoreError(errorOf(errno, 'read')).code, 'unreadable', errno)
    t.is(unreadableFile('f', errorOf(errno, 'open')).code, 'unreadable')
  }
  const few = unreadableFile('f', errorOf('EMFILE', 'open'))
  t.is(few.code, 'busy')
  t.is(few.message, 'cannot read f: too many open files')
  t.regex(few.hint ?? '', /ulimit -n/)
  t.is(unreadableFile('f', errorOf('EWEIRD', 'open')).message, 'cannot read f: EWEIRD')
  t.is(unreadableFile('f', undefined).code, 'unreadable')
})

test('R007-112 an output has the code and the words of every other place', (t) => {
  for (const [errno, code, reason] of CODES) {
    for (const call of ['open', 'stat', 'write', 'mkdir']) {
      const error = errorOf(errno, call)
      const fault = unwritableFile('write to f', error)
      const general = systemFault(error)!
      t.is(fault.code, code, `${errno} ${call}`)
      t.is(fault.hint, general.hint)
      t.is(fault.cause, error)
      if (errno !== 'ENOENT' && !/-(116|70)$/.test(errno)) {
        t.regex(fault.message, reason)
        t.is(fault.message, `cannot write to f: ${general.reason}`)
      }
    }
  }
  for (const [errno, why] of [
    ['ENOENT', 'no such directory'],
    ['ESTALE', 'no such directory'],
  ] as const) {
    const { code, message } = unwritableFile('write to f', errorOf(errno, 'open'))
    t.deepEqual([code, message], ['unwritable', `cannot write to f: ${why}`])
  }
  const { code, message } = unwritableFile('write to f', new Error('odd words'))
  t.deepEqual([code, message], ['unwritable', 'cannot write to f: odd words'])
})

test('R007-112 a file of the node that denies access was made by another user, or changed', (t) => {
  for (const errno of ['EACCES', 'EPERM']) {
    for (const fault of [faultOf, faultOfJournal]) {
      const { code, hint } = fault(errorOf(errno, 'open'), 'open it') as DstoreError
      t.deepEqual([code, hint?.endsWith('`dstore doctor`')], ['unwritable', true], errno)
    }
    t.is(unreadableFile('f', errorOf(errno, 'open')).hint, undefined)
  }
})

test('R007-112 a limit on watched files is no full disk', (t) => {
  for (const errno of ['ENOSPC', 'EMFILE']) {
    const { code, message, hint } = asDstoreError(errorOf(errno, 'watch', 'folder'))
    t.deepEqual([code, message], ['busy', 'folder: too many watched files'])
    t.regex(hint ?? '', /inotify/)
  }
})

test('R007-112 a removed working directory and a refused process are named', (t) => {
  const gone = asDstoreError(errorOf('ENOENT', 'uv_cwd'))
  t.deepEqual([gone.code, gone.message], ['unreadable', 'the working directory was removed'])
  const closed = asDstoreError(errorOf('EACCES', 'uv_cwd'))
  t.deepEqual([closed.code, closed.message], ['unreadable', 'permission denied'])
  const spawn = asDstoreError(errorOf('EAGAIN', 'spawn /usr/bin/node'))
  t.is(spawn.code, 'busy')
  t.regex(spawn.hint ?? '', /ulimit -u/)
  t.regex(faultOf(errorOf('EAGAIN', 'spawn node'), 'start').message, /too many processes/)
})

test('R007-112 real errors of Node have these shapes, and the numbers of LMDB these names', (t) => {
  const missing = t.throws(() => readdirSync('/no/such/folder'))
  t.is(asDstoreError(missing).message, '/no/such/folder: no such file')
  t.is(asDstoreError(missing).code, 'unreadable')
  for (const [number, code] of [
    [28, 'no-space'],
    [122, 'no-space'],
    [27, 'no-space'],
    [-30_792, 'no-space'],
    [24, 'busy'],
    [12, 'busy'],
    [30, 'unwritable'],
    [5, 'unwritable'],
    [-30_796, 'integrity'],
    [-30_793, 'integrity'],
    [9999, 'unwritable'],
  ] as const) {
    t.is((faultOf(errorOf(number), 'commit') as DstoreError).code, code, String(number))
  }
})

test('an error that is no error of the system stays what it is', (t) => {
  for (const other of [undefined, null, 'ENOSPC', new Error('ENOSPC'), errorOf('ERR_ASSERTION')]) {
    t.is(systemFault(other), undefined)
  }
  t.is(asDstoreError(errorOf('ECONNRESET')).code, 'internal')
})
