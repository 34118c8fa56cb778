/** The real package: built twice, installed, used with nothing in PATH, upgraded, removed. */
import { test } from '../../serial.ts'
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { get as request } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { IncomingMessage } from 'node:http'
import { VERSION } from '../../../src/node/version.ts'
import { checksums, filesOf, tarball } from '../../../tools/release/tarball.ts'
import { thisPlatform } from '../../../tools/release/platforms.ts'
import { ROOT } from '../tree.ts'
import { Sandbox, type Outcome } from './sandbox.ts'

const run = promisify(execFile)

/** `npm run release:dry` without its build, which would remove the files of this test. */
async function build(output: string): Promise<string> {
  const script = join(ROOT, 'dist/tools/release/dry.js')
  const { stdout } = await run('node', [script, `--output=${output}`], { cwd: ROOT })
  return stdout
}

/** The machine type of an ELF file. */
const machine = (bytes: Uint8Array): number => Buffer.from(bytes).readUInt16LE(18)
const MACHINES = { 'linux-x64': 62, 'linux-arm64': 183 }

/** What a GET of the daemon answers over its socket. */
async function ask(socketPath: string, path: string): Promise<string> {
  const [response] = (await once(request({ socketPath, path }), 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  let text = ''
  for await (const piece of response) text += String(piece)
  return `${response.statusCode} ${text}`
}

const platform = thisPlatform()
if (platform !== undefined) {
  test('R007-170 to 174: the package of this machine is built twice alike, installs, runs, upgrades and goes', async (t) => {
    t.timeout(1_200_000)
    const place = new Sandbox(t)
    const table = await build(place.release)
    t.regex(table, new RegExp(`-${platform}\\.tar\\.gz .* tried: put, get and stop`))
    const second = join(place.path, 'second')
    await build(second)
    for (const name of readdirSync(place.release)) {
      const [one, two] = [place.release, second].map((at) => readFileSync(join(at, name)))
      t.true(one!.equals(two!), `${name} differs between two builds`)
    }
    rmSync(second, { recursive: true })
    for (const [target, type] of Object.entries(MACHINES)) {
      const archive = readFileSync(join(place.release, `dstore-${VERSION}-${target}.tar.gz`))
      const binaries = await filesOf(archive, (path) => /\.node$|^lib\/node$/.test(path))
      t.true(binaries.length >= 3)
      for (const { path, bytes } of binaries) t.is(machine(bytes), type, `${target} ${path}`)
    }

    const installed = place.run()
    t.is(installed.exit, 0, installed.stderr)
    /** A shell's script without any PATH; `$D` is the installed command. */
    const shell = (script: string): Outcome => {
      const env = { PATH: '', HOME: place.home, D: place.command }
      const options = { cwd: place.path, env, encoding: 'utf8' as const }
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], options)
      return { exit: status, stdout, stderr }
    }
    const dstore = (words: string): string => {
      const { exit, stdout, stderr } = shell(`"$D" ${words}`)
      t.is(exit, 0, `${words}: ${stderr}`)
      return stdout
    }
    t.teardown(() => shell('"$D" stop'))
    writeFileSync(join(place.path, 'file'), 'hello, world\n')
    const key = dstore('put file --name greeting').trim()
    t.is(dstore(`get ${key}`), 'hello, world\n')
    const status = (): Status => JSON.parse(dstore('status --json')) as Status
    const { pid, socket } = status().daemon
    const versions = join(place.prefix, 'lib/dstore')
    t.is(readlinkSync(`/proc/${pid}/exe`), join(versions, VERSION, 'lib/node'))

    const closed = shell('"$D" get greeting >&-')
    t.deepEqual([closed.exit, closed.stderr], [1, 'dstore: standard output is closed\n'])
    const empty = shell('"$D" put - <&-')
    t.is(empty.exit, 1)
    t.regex(empty.stderr, /standard input/)
    t.is(shell('"$D" get greeting > /dev/null').exit, 0)

    // The README, with the installed command and no Node in PATH.
    const ava = join(ROOT, 'node_modules/ava/entrypoints/cli.mjs')
    const env = { ...process.env, DSTORE_COMMAND: place.command }
    await run('node', [ava, 'dist/test/docs/docs.test.js'], { cwd: ROOT, env })

    const next = await publishNext(place)
    const upgraded = place.run()
    t.is(upgraded.exit, 0, upgraded.stderr)
    t.regex(upgraded.stderr, new RegExp(`still running: dstore ${VERSION} \\(process ${pid}\\)`))
    t.is(dstore('--version'), `dstore ${next}\n`)
    t.is(dstore('get greeting'), 'hello, world\n')
    t.is(status().daemon.pid, pid, 'the daemon of the old version still serves')
    // The daemon loads this part of itself only now, from the files of its version.
    t.regex(await ask(socket, '/metrics'), /^200 [^]*dstore_store/)
    t.is(place.run(['--uninstall']).exit, 1)

    dstore('stop')
    dstore('start')
    t.is(dstore('get greeting'), 'hello, world\n')
    t.is(readlinkSync(`/proc/${status().daemon.pid}/exe`), join(versions, next, 'lib/node'))
    dstore('stop')
    t.is(place.run().exit, 0)
    t.deepEqual(
      readdirSync(versions).filter((name) => !name.startsWith('.')),
      [`${next}.build2`],
    )
    const removed = place.run(['--uninstall'])
    t.is(removed.exit, 0, removed.stderr)
    const [, remove] = /to remove them as well: (.*)\n$/.exec(removed.stderr)!
    t.is(spawnSync('sh', ['-c', remove!]).status, 0)
    t.deepEqual(place.files(), ['.local', '.local/share'], 'folders that dstore made for its state')
  })

  test('what the container image holds runs under the Node of the image', async (t) => {
    t.timeout(600_000)
    const place = new Sandbox(t)
    const architecture = platform === 'linux-x64' ? 'amd64' : 'arm64'
    const image = join(place.path, 'opt dstore')
    mkdirSync(image)
    const script = join(ROOT, 'dist/tools/release/stage.js')
    await run('node', [script, architecture, image])
    t.deepEqual(readdirSync(image).toSorted(), ['LICENSE', 'dist', 'node_modules', 'package.json'])
    const env = { PATH: process.env['PATH'], HOME: place.home }
    const command = join(image, 'dist/dstore.js')
    writeFileSync(join(place.path, 'file'), 'hello')
    try {
      const { stdout } = await run(command, ['put', 'file'], { cwd: place.path, env })
      t.is((await run(command, ['get', stdout.trim()], { env })).stdout, 'hello')
    } finally {
      await run(command, ['stop'], { env })
    }
    await t.throwsAsync(run('node', [script, 'riscv64', image]), { message: /usage: stage\.js/ })
  })
}

interface Status {
  readonly daemon: { readonly pid: number; readonly socket: string }
}

/** Replaces the release by one of the next version: the same program under another number. */
async function publishNext(place: Sandbox): Promise<string> {
  const next = '99.0.0'
  const name = `dstore-${VERSION}-${platform}.tar.gz`
  const files = await filesOf(readFileSync(join(place.release, name)))
  const renamed = files.map((file) => {
    if (!/^lib\/dist\/.*\.js$/.test(file.path)) return file
    const text = Buffer.from(file.bytes).toString()
    return { ...file, bytes: Buffer.from(text.replaceAll(`"${VERSION}"`, `"${next}"`)) }
  })
  rmSync(join(place.release, name))
  const top = `dstore-${next}-${platform}`
  const bytes = await tarball(top, renamed)
  writeFileSync(join(place.release, `${top}.tar.gz`), bytes)
  writeFileSync(join(place.release, 'SHA256SUMS'), checksums([{ name: `${top}.tar.gz`, bytes }]))
  return next
}
