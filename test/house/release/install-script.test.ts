/** The install script, with a fake release on a machine that has only the tools that it needs. */
import { test } from '../../serial.ts'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { installScript } from '../../../tools/release/checks.ts'
import { INSTALL, Sandbox, end } from './sandbox.ts'

async function sandbox(t: ExecutionContext, version = '1.0.0'): Promise<Sandbox> {
  const place = new Sandbox(t)
  await place.publish(version)
  return place
}

const versions = (place: Sandbox): string[] =>
  readdirSync(join(place.prefix, 'lib/dstore')).filter((name) => !name.startsWith('.'))

test('R007-171 an installation is a command that runs, and says where it is and how large', async (t) => {
  const place = await sandbox(t)
  const { exit, stdout, stderr } = place.run()
  t.deepEqual([exit, stdout], [0, ''], stderr)
  t.regex(
    stderr,
    /^installed dstore 1\.0\.0: .*\/bin\/dstore \(\d+ MB in .*\/lib\/dstore\/1\.0\.0\)\n/,
  )
  t.regex(stderr, /note: .*\/bin is not in PATH; .*export PATH='.*':\$PATH\n$/)
  t.is(place.version(), 'dstore 1.0.0\n')
  const path = `${place.tools}:${place.prefix}/bin`
  t.notRegex(place.run([], { PATH: path }).stderr, /PATH/)
  place.fake('dstore', '')
  const { stderr: second } = place.run([], { PATH: path })
  t.regex(second, /^note: another dstore comes first in PATH: .*\/tools\/dstore$/m)
})

test('R007-173 removing leaves nothing, and says where the data is', async (t) => {
  const place = await sandbox(t)
  place.run()
  const data = join(place.home, '.local/share/dstore')
  mkdirSync(data, { recursive: true })
  const { exit, stderr } = place.run(['--uninstall'])
  t.is(exit, 0, stderr)
  t.regex(
    stderr,
    /^removed dstore from .*\nleft: .*\/share\/dstore \(\d+ MB\), .*\n.*rm -r '.*\/share\/dstore'\n$/,
  )
  t.deepEqual(place.files(), ['.local', '.local/share', '.local/share/dstore'])
  rmSync(join(place.home, '.local'), { recursive: true })
  place.run()
  t.is(place.run(['--uninstall']).exit, 0)
  t.deepEqual(place.files(), [])
  t.regex(place.run(['--uninstall']).stderr, /^no dstore is installed in /)
})

test('R007-171 other users can run what root installs, whatever the umask', async (t) => {
  const place = await sandbox(t)
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  t.is(place.run().exit, 0)
  const paths = place.files().filter((path) => !path.endsWith('.made'))
  t.true(paths.length > 8)
  for (const path of paths.filter((one) => !lstatSync(join(place.home, one)).isSymbolicLink())) {
    const { mode } = lstatSync(join(place.home, path))
    t.is(mode & 0o044, 0o044, path)
  }
  t.is(lstatSync(join(place.prefix, 'lib/dstore/1.0.0/lib/node')).mode & 0o777, 0o755)
})

test('R007-172 one prefix is the same by another path', async (t) => {
  const place = await sandbox(t)
  symlinkSync(place.home, join(place.path, 'link'))
  t.is(place.run(['--prefix', 'link/new/prefix/']).exit, 0)
  await place.publish('2.0.0')
  const { exit, stderr } = place.run(['--prefix', join(place.home, 'new/prefix')])
  t.is(exit, 0, stderr)
  t.is(place.run(['--uninstall', '--prefix', join(place.path, 'link/new/prefix')]).exit, 0)
  t.deepEqual(place.files(), [])
})

test("R007-173 removing keeps folders that were there, and others' files", async (t) => {
  const place = await sandbox(t)
  mkdirSync(join(place.prefix, 'bin'), { recursive: true })
  place.run()
  writeFileSync(join(place.prefix, 'lib/dstore/mine'), '')
  t.regex(place.run(['--uninstall']).stderr, /left: .*\/lib\/dstore, which holds files/)
  t.deepEqual(place.files(), [
    '.local',
    '.local/bin',
    '.local/lib',
    '.local/lib/dstore',
    '.local/lib/dstore/mine',
  ])
})

test('R007-173 a command that the script did not install is neither replaced nor removed', async (t) => {
  const place = await sandbox(t)
  mkdirSync(join(place.prefix, 'bin'), { recursive: true })
  for (const make of [
    () => writeFileSync(place.command, 'mine'),
    () => symlinkSync('../lib/node_modules/dstore.js', place.command),
  ]) {
    make()
    const { exit, stderr } = place.run()
    t.is(exit, 1)
    t.regex(stderr, /bin\/dstore exists, and this script did not install it\nhint: /)
    t.regex(place.run(['--uninstall']).stderr, /left: .*bin\/dstore, which/)
    t.true(lstatSync(place.command).isFile() || lstatSync(place.command).isSymbolicLink())
    t.deepEqual(place.files(), ['.local', '.local/bin', '.local/bin/dstore'])
    rmSync(place.command)
  }
})

test('R007-172 a new version replaces the old one, and a repetition repairs', async (t) => {
  const place = await sandbox(t)
  place.run()
  await place.publish('1.1.0')
  t.is(place.run().exit, 0)
  t.is(place.version(), 'dstore 1.1.0\n')
  t.deepEqual(versions(place), ['1.1.0'])
  writeFileSync(join(place.prefix, 'lib/dstore/1.1.0/bin/dstore'), '')
  for (const name of ['1.1.0.build2', '1.1.0']) {
    t.is(place.run().exit, 0)
    t.is(place.version(), 'dstore 1.1.0\n')
    t.deepEqual(versions(place), [name])
  }
  t.is(place.run(['--uninstall']).exit, 0)
  t.deepEqual(place.files(), [])
})

test('R007-172 the files of a version that runs stay until the next installation', async (t) => {
  const place = await sandbox(t)
  place.run()
  const daemon = await place.runNode('1.0.0')
  await place.publish('1.1.0')
  const { exit, stderr } = place.run()
  t.is(exit, 0)
  t.regex(stderr, new RegExp(`still running: dstore 1\\.0\\.0 \\(process ${daemon.pid}\\)`))
  t.is(place.version(), 'dstore 1.1.0\n')
  t.deepEqual(versions(place), ['1.0.0', '1.1.0'])

  const refused = place.run(['--uninstall'])
  t.is(refused.exit, 1)
  t.regex(refused.stderr, /dstore 1\.0\.0 is running \(process \d+\)\nhint: stop it first: /)
  t.is(place.version(), 'dstore 1.1.0\n')

  await end(daemon)
  t.is(place.run().exit, 0)
  t.deepEqual(versions(place), ['1.1.0.build2'])
})

/** How a release may be bad, and what the script says. */
const BAD: Readonly<Record<string, [(path: string, place: Sandbox) => unknown, RegExp]>> = {
  'another checksum': [
    (path) => writeFileSync(path, 'x', { flag: 'a' }),
    /is damaged: its SHA-256/,
  ],
  'a package that is cut': [(path) => truncateSync(path, 1000), /is damaged: its SHA-256/],
  'no package': [(path) => rmSync(path), /cannot read .*\.tar\.gz/],
  'no checksums': [(_, { release }) => rmSync(`${release}/SHA256SUMS`), /no SHA256SUMS in/],
  'a list without the package': [
    (_, { release }) => writeFileSync(`${release}/SHA256SUMS`, ''),
    /lists no package for linux-/,
  ],
  'two versions': [
    (_, { release }) => {
      const line = readFileSync(`${release}/SHA256SUMS`, 'utf8')
      writeFileSync(`${release}/SHA256SUMS`, line + line.replace('2.0.0', '3.0.0'))
    },
    /lists more than one package/,
  ],
  'a program that is another version': [
    (_, place) => place.publish('2.0.0', { says: '9.9.9' }),
    /says that it is dstore 9\.9\.9/,
  ],
  'a program that does not run': [
    (_, place) => place.publish('2.0.0', { says: '"; exit 3; "' }),
    /dstore 2\.0\.0 does not run on this system/,
  ],
}

test('R007-171 a bad release changes nothing, and leaves nothing', async (t) => {
  const place = await sandbox(t)
  place.run()
  const before = place.files()
  for (const [what, [spoil, message]] of Object.entries(BAD)) {
    const path = await place.publish('2.0.0')
    await spoil(path, place)
    for (const args of [[], ['--prefix', join(place.home, 'new/prefix')]]) {
      const { exit, stderr } = place.run(args)
      t.is(exit, 1, what)
      t.regex(stderr, message, what)
      t.deepEqual(place.files(), before, what)
    }
  }
  t.is(place.version(), 'dstore 1.0.0\n')
})

test('R007-171 other systems are refused in one line, with a hint', async (t) => {
  const place = await sandbox(t)
  const uname = (system: string, machine: string): void =>
    place.fake('uname', `case $1 in -s) echo ${system} ;; *) echo ${machine} ;; esac`)
  for (const [system, machine, message] of [
    [
      'Darwin',
      'arm64',
      /^install\.sh: this package is for Linux; this system is Darwin\nhint: .*\n$/,
    ],
    ['MINGW64_NT-10.0', 'x86_64', /^install\.sh: .* this system is MINGW64_NT-10\.0\nhint: .*\n$/],
    [
      'Linux',
      'riscv64',
      /^install\.sh: this package is for x64 and arm64; this machine is riscv64\n$/,
    ],
  ] as const) {
    uname(system, machine)
    const { exit, stderr } = place.run()
    t.is(exit, 1)
    t.regex(stderr, message)
  }
  uname('Linux', process.arch === 'x64' ? 'x86_64' : 'aarch64')
  place.fake('ldd', 'echo "musl libc (x86_64)" >&2; exit 1')
  const musl = place.run()
  t.is(musl.exit, 1)
  t.regex(musl.stderr, /^install\.sh: Node needs glibc; this system has musl .*\nhint: .*\n$/)
  t.deepEqual(place.files(), [])
  const other = process.arch === 'x64' ? 'linux-arm64' : 'linux-x64'
  rmSync(join(place.tools, 'ldd'))
  const wrong = place.run(['--from', await place.publish('1.0.0', { platform: other })])
  t.regex(wrong.stderr, new RegExp(`-${other}\\.tar\\.gz is no package of dstore for linux-`))
})

test('R007-171 a missing tool is named', async (t) => {
  const place = await sandbox(t)
  for (const tool of ['sha256sum', 'tar']) {
    rmSync(join(place.tools, tool))
    const { exit, stderr } = place.run()
    t.deepEqual([exit, stderr], [1, `install.sh: this needs ${tool}, which is not installed\n`])
    place.fake(tool, 'exit 9')
  }
  rmSync(join(place.tools, 'curl'))
  const { stderr } = place.run(['--from', 'https://host.invalid/'])
  t.regex(stderr, /^install\.sh: this needs tar|needs curl or wget, and neither is installed\n$/)
  t.deepEqual(place.files(), [])
})

test('R007-171 a package comes from a URL, from a file, or from beside the script', async (t) => {
  const place = await sandbox(t)
  const server = createServer((request, response) => {
    const path = join(place.release, request.url!.replace('/v1/', ''))
    if (existsSync(path)) response.end(readFileSync(path))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
  // The server lives in this process, so the script must not block it.
  const run = async (...args: readonly string[]): Promise<string> => sh([INSTALL, ...args])
  const sh = async (args: readonly string[], input = ''): Promise<string> => {
    const env = { PATH: place.tools, HOME: place.home }
    const child = spawn('/bin/sh', args, { env, cwd: place.path })
    child.stdin.end(input)
    let text = ''
    child.stderr.on('data', (piece) => (text += String(piece)))
    await once(child, 'close')
    return text
  }
  t.regex(await run('--from', `${url}/`), /^downloading dstore-1.*\ninstalled dstore 1\.0\.0/)
  await place.publish('2.0.0')
  t.regex(await run(`--from=${url}`, `--prefix=${place.prefix}`), /installed dstore 2\.0\.0/)
  const released = readFileSync(INSTALL, 'utf8').replace("URL=''", `URL='${url}'`)
  await place.publish('2.1.0')
  t.regex(await sh(['-s', '--', '--prefix', place.prefix], released), /installed dstore 2\.1\.0/)
  rmSync(join(place.release, 'SHA256SUMS'))
  t.regex(await run('--from', url), /cannot download http.*\/SHA256SUMS/)

  const file = await place.publish('3.0.0')
  await place.publish('3.1.0')
  const sums = join(place.release, 'SHA256SUMS')
  t.regex(await run('--from', file), /lists no dstore-3\.0\.0/)
  const newer = readFileSync(sums, 'utf8')
  await place.publish('3.0.0')
  writeFileSync(sums, newer + readFileSync(sums, 'utf8'))
  t.regex(await run('--from', file), /^installed dstore 3\.0\.0/)

  await place.publish('4.0.0')
  const beside = join(place.release, 'install.sh')
  writeFileSync(beside, readFileSync(INSTALL))
  t.regex(place.run([], { DSTORE_FROM: '' }, beside).stderr, /^installed dstore 4\.0\.0/)
  t.is(place.version(), 'dstore 4.0.0\n')
})

test('R007-171 wrong arguments are explained, with exit code 2', async (t) => {
  const place = await sandbox(t)
  for (const [args, env, message] of [
    [['--form', 'x'], {}, /unknown argument: --form/],
    [['--from'], {}, /--from needs a value/],
    [['--prefix', 'a\nb'], {}, /the prefix contains a line break/],
    [['--from', 'ftp://x/y'], {}, /not a URL that this can download/],
    [[], { DSTORE_FROM: '' }, /say where the package is/],
    [[], { HOME: '' }, /HOME is not set/],
  ] as const) {
    const { exit, stdout, stderr } = place.run(args, env)
    t.deepEqual([exit, stdout], [2, ''])
    t.regex(stderr, message)
    t.regex(stderr, /\nhint: see `sh install\.sh --help`\n$/)
  }
  const help = place.run(['--help'])
  t.is(help.exit, 0)
  for (const flag of ['--from', '--prefix', '--uninstall']) t.true(help.stdout.includes(flag))
  t.deepEqual(place.files(), [])
})

test('R007-171 a folder that cannot be written is named', async (t) => {
  const place = await sandbox(t)
  writeFileSync(join(place.home, '.local'), '')
  const { exit, stderr } = place.run()
  t.is(exit, 1)
  t.regex(stderr, /\ninstall\.sh: cannot make the folder .*\.local\n$/)
})

test('R007-172 another installation in progress is refused, and one that died is cleared up', async (t) => {
  const place = await sandbox(t)
  place.run()
  const lock = join(place.prefix, 'lib/dstore/.lock')
  symlinkSync(String(process.pid), lock)
  for (const args of [[], ['--uninstall']]) {
    const { exit, stderr } = place.run(args)
    t.is(exit, 1)
    t.regex(stderr, new RegExp(`process ${process.pid} installs or removes dstore`))
    t.is(readlinkSync(lock), String(process.pid))
    t.is(place.version(), 'dstore 1.0.0\n')
  }
  rmSync(lock)
  symlinkSync('99999999', lock)
  t.is(place.run().exit, 0)
  t.false(existsSync(lock))
})

/**
 * A tool that ends the whole run with SIGKILL at its nth call: before its work, or after it. Calls
 * are counted in a file.
 */
const killing = (real: string, nth: number, isBefore: boolean): string => `
  echo >> "$COUNT"
  if [ "$(wc -l < "$COUNT")" = ${nth} ]; then ${isBefore ? '' : `'${real}' "$@"; `}kill -9 0; fi
  exec '${real}' "$@"`

/** Calls at a replacement of an older version: unpacking, the change, the removal. */
const POINTS = [
  ['tar', 1, true],
  ['mv', 2, true],
  ['mv', 2, false],
  ['mv', 3, false],
] as const

test('R007-172 a run that is killed leaves the old version or the new one, and the next one clears up', async (t) => {
  const place = await sandbox(t)
  symlinkSync('/usr/bin/wc', join(place.tools, 'wc'))
  const seen = new Set<string>()
  for (const [index, [tool, nth, isBefore]] of POINTS.entries()) {
    await place.publish('1.0.0')
    place.run()
    await place.publish('2.0.0')
    const real = readlinkSync(join(place.tools, tool))
    place.fake(tool, killing(real, nth, isBefore))
    const COUNT = join(place.path, `count-${index}`)
    t.is(place.run([], { COUNT }).exit, null, `${tool} ${nth}: it was killed`)
    const between = place.version()
    t.regex(between, /^dstore [12]\.0\.0\n$/, `${tool} ${nth} ${isBefore}`)
    seen.add(between)
    rmSync(join(place.tools, tool))
    symlinkSync(real, join(place.tools, tool))
    t.is(place.run().exit, 0)
    t.is(place.version(), 'dstore 2.0.0\n')
    t.is(versions(place).length, 1)
  }
  t.is(place.run(['--uninstall']).exit, 0)
  t.deepEqual(place.files(), [])
  t.is(seen.size, 2, 'the change lies between the first point and the last')
})

test('R007-171 Ctrl-C leaves nothing', async (t) => {
  const place = await sandbox(t)
  const real = readlinkSync(join(place.tools, 'tar'))
  place.fake('tar', `'${real}' "$@"; trap '' INT; kill -INT 0`)
  t.is(place.run().exit, 130)
  t.deepEqual(place.files(), [])
})

test('R007-174 a release writes its URL into the script, and only a URL', (t) => {
  const template = readFileSync(INSTALL, 'utf8')
  const url = 'https://example.org/o/r/releases/download/v1.2.3'
  t.true(installScript(template, url).includes(`\nRELEASE_URL='${url}'\n`))
  t.is(installScript(template, ''), template)
  t.throws(() => installScript(template, "https://x/'; rm -r ~; '"), { instanceOf: RangeError })
  t.throws(() => installScript('#!/bin/sh\n', url))
  t.notRegex(template.replace(/^#.*$/gm, ''), /https?:\/\/\w/, 'no host is written in')
})

test('R007-171 a script that arrives cut does nothing', async (t) => {
  const place = await sandbox(t)
  const text = readFileSync(INSTALL, 'utf8')
  const cut = join(place.path, 'cut.sh')
  for (const part of [0.3, 0.6, 0.9, 1 - 11 / text.length]) {
    writeFileSync(cut, text.slice(0, Math.floor(text.length * part)))
    chmodSync(cut, 0o755)
    place.run([], {}, cut)
    t.deepEqual(place.files(), [])
  }
})
