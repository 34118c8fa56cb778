/**
 * Outputs and messages with operating system calls that a test records, cuts short or fails: they
 * are replaced before the code that is tested loads.
 */
import { test } from '../serial.ts'
import type { ExecutionContext } from 'ava'
import fs, {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import tty from 'node:tty'
import { DstoreError } from '../../src/errors.ts'

type Call = (...args: unknown[]) => unknown

/** Calls in order, by name and base name of a path. */
const calls: string[] = []
/** What is written to stderr. */
let printed = ''
const faults = new Map<string, string>()
let mostWritten = Infinity
/** How many temporary files another command removes as soon as they are there. */
let vanishing = 0

const paths = new Map<number, string>()
const { open, fsync, rename, unlink, write, writeSync } = fs as unknown as Record<string, Call>
const label = (path: unknown): string => basename(String(path)).replace(/\..*\.part$/, 'part')

/** Record a call; fail it if the test asks for that. */
function record(name: string, call: Call, subject: (argument: unknown) => string): Call {
  return (...args) => {
    calls.push(`${name} ${subject(args[0])}`)
    const code = faults.get(name)
    const done = args.at(-1) as Call
    if (code !== undefined) return done(Object.assign(new Error(code), { code }))
    if (name !== 'open') return call(...args)
    args[args.length - 1] = (error: unknown, fd: number) => {
      paths.set(fd, label(args[0]))
      if (label(args[0]) === 'part' && vanishing-- > 0) unlinkSync(String(args[0]))
      return done(error, fd)
    }
    return call(...args)
  }
}

const partial: Call = (fd, bytes, at, done) => {
  const length = Math.min(mostWritten, (bytes as Uint8Array).byteLength - (at as number))
  return write!(fd, bytes, at, length, done)
}

Object.assign(fs, {
  open: record('open', open!, label),
  fsync: record('fsync', fsync!, (fd) => paths.get(fd as number)!),
  rename: record('rename', rename!, label),
  unlink: record('unlink', unlink!, label),
  // Keeps what tells promisify the names of the results.
  write: Object.defineProperties(partial, Object.getOwnPropertyDescriptors(write!)),
  writeSync: (fd: number, text: string, ...rest: unknown[]) => {
    if (fd !== 2 || typeof text !== 'string') return writeSync!(fd, text, ...rest)
    printed += text
    return text.length
  },
})
Object.assign(tty, { isatty: () => true })
delete process.env['CI']
syncBuiltinESMExports()
const { fileOutput } = await import('../../cli/terminal/file-output.ts')
const { writeWhole } = await import('../../cli/terminal/output.ts')
const { Terminal } = await import('../../cli/terminal/terminal.ts')
const { exportValues } = await import('../../cli/commands/archive.ts')

test.after(() => {
  Object.assign(fs, { open, fsync, rename, unlink, write, writeSync })
  syncBuiltinESMExports()
})

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dstore-output-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  calls.length = 0
  faults.clear()
  mostWritten = Infinity
  vanishing = 0
  printed = ''
  return path
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  const output = await fileOutput(path)
  await writeWhole(output, async () => {
    await output.write(bytes)
    return true
  })
}

test('R007-26 bytes are synced before the rename, the directory after it', async (t) => {
  const path = folder(t)
  await replace(join(path, 'out'), new Uint8Array(9))
  const parent = basename(path)
  t.deepEqual(calls, [
    'open part',
    'fsync part',
    'rename part',
    `open ${parent}`,
    `fsync ${parent}`,
  ])
})

test('R007-26 partial writes are completed', async (t) => {
  const path = join(folder(t), 'out')
  mostWritten = 7
  const bytes = Uint8Array.from({ length: 50 }, (_, index) => index)
  await replace(path, bytes)
  t.deepEqual([...readFileSync(path)], [...bytes])
})

for (const [call, code, expected] of [
  ['fsync', 'EIO', 'unwritable'],
  ['fsync', 'ENOSPC', 'no-space'],
  ['rename', 'EACCES', 'unwritable'],
  ['open', 'EACCES', 'unwritable'],
  ['open', 'EROFS', 'unwritable'],
  ['open', 'EMFILE', 'busy'],
  ['fsync', 'ENOMEM', 'busy'],
] as const) {
  test(`R007-26 ${call} that fails with ${code} leaves the file untouched`, async (t) => {
    const path = folder(t)
    const file = join(path, 'out')
    writeFileSync(file, 'old')
    faults.set(call, code)
    await t.throwsAsync(replace(file, new Uint8Array(9)), { code: expected })
    t.is(readFileSync(file, 'utf8'), 'old')
    t.deepEqual(readdirSync(path), ['out'])
  })
}

test('R007-26 an output that is not to be kept leaves nothing', async (t) => {
  const path = folder(t)
  const output = await fileOutput(join(path, 'out'))
  await writeWhole(output, async () => {
    await output.write(new Uint8Array(9))
    return false
  })
  t.deepEqual(readdirSync(path), [])
})

test('R007-100 a temporary file that is removed before it is locked is made again', async (t) => {
  const path = folder(t)
  vanishing = 3
  await replace(join(path, 'out'), Buffer.from('bytes'))
  t.is(calls.filter((call) => call === 'open part').length, 4)
  t.is(readFileSync(join(path, 'out'), 'utf8'), 'bytes')
  vanishing = Infinity
  await t.throwsAsync(replace(join(path, 'out'), Buffer.from('more')), { code: 'unwritable' })
  t.is(readFileSync(join(path, 'out'), 'utf8'), 'bytes')
})

const LOUD = { quiet: false, verbose: true, json: false }

/** What a terminal shows of work that lasts. */
async function progressOf(verbosity: typeof LOUD): Promise<string> {
  const terminal = new Terminal()
  terminal.configure(verbosity)
  const now = performance.now.bind(performance)
  await terminal.withProgress('a\u001b[2J\u009bfile', (line) => {
    const later = now() + 5000
    performance.now = () => later
    line.update(50, 100)
    performance.now = now
    return Promise.resolve()
  })
  return printed
}

test('R007-20 progress is not shown with --quiet, nor with --json, nor with CI', async (t) => {
  folder(t)
  t.is(await progressOf({ ...LOUD, quiet: true }), '')
  t.is(await progressOf({ ...LOUD, json: true }), '')
  process.env['CI'] = 'true'
  t.is(await progressOf(LOUD), '')
  delete process.env['CI']
  t.true((await progressOf(LOUD)).includes('50%'))
})

test('R007-21 no message moves the cursor, whatever is in a file name or an error', async (t) => {
  folder(t)
  await progressOf(LOUD)
  // It erases its own line.
  t.notRegex(printed.replaceAll('\r\u001b[K', ''), /\p{Cc}/u)
  printed = ''
  const terminal = new Terminal()
  terminal.configure(LOUD)
  const cause = new Error('no\u001b[2J\nsuch file')
  terminal.fail(new DstoreError('unreadable', 'a\u001b[2J\nb', { cause, hint: 'c\rd' }), 'e\u0007f')
  const lines = printed.split('\n').slice(0, -1)
  t.is(lines.length, 3)
  for (const line of lines) t.notRegex(line, /\p{Cc}/u)
  t.regex(lines[2]!, /^cause: Error: no/)
})

test('R007-20 notes are silenced by --quiet, details shown only by --verbose', (t) => {
  folder(t)
  for (const [quiet, verbose, expected] of [
    [false, false, 'a note\n'],
    [true, false, ''],
    [false, true, 'a note\na detail\n'],
    [true, true, 'a detail\n'],
  ] as const) {
    printed = ''
    const terminal = new Terminal()
    terminal.configure({ quiet, verbose, json: false })
    terminal.note('a note')
    terminal.detail('a detail')
    t.is(printed, expected)
  }
})

test('R007-41 an archive is not written to a terminal', async (t) => {
  folder(t)
  const { signal } = new AbortController()
  const invocation = { positionals: [], flags: {}, terminal: new Terminal(), signal, commands: {} }
  await t.throwsAsync(exportValues(invocation), { code: 'usage', message: /terminal/ })
})
