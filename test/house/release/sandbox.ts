/** A fake release, and a machine of links to try its script on: what a PATH holds, and a HOME. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { checksums, tarball } from '../../../tools/release/tarball.ts'
import { ROOT } from '../tree.ts'

export const INSTALL: string = join(ROOT, 'packaging/self-contained/install.sh')

/** What the script runs. */
const TOOLS =
  'awk cat chmod cp curl dirname du gzip ldd ln ls mkdir mktemp mv readlink rm rmdir sed sh sha256sum tar tr uname'

export interface Outcome {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface PublishOptions {
  readonly platform?: string
  /** The version that the program prints. */
  readonly says?: string
}

export class Sandbox {
  readonly path: string
  readonly home: string
  /** The only folder of PATH. */
  readonly tools: string
  readonly release: string
  readonly #children: ChildProcess[] = []

  constructor(t: ExecutionContext) {
    this.path = mkdtempSync(join(tmpdir(), 'dstore-install-'))
    this.home = join(this.path, "it's a $HOME")
    this.tools = join(this.path, 'tools')
    this.release = join(this.path, 'the release')
    for (const folder of [this.home, this.tools, this.release]) mkdirSync(folder)
    for (const tool of TOOLS.split(' ')) {
      const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' })
      symlinkSync(stdout.trim(), join(this.tools, tool))
    }
    t.teardown(async () => {
      for (const child of this.#children) await end(child)
      rmSync(this.path, { recursive: true, force: true })
    })
  }

  get prefix(): string {
    return join(this.home, '.local')
  }

  get command(): string {
    return join(this.prefix, 'bin/dstore')
  }

  /** Replaces a tool by a script. */
  fake(tool: string, script: string): void {
    rmSync(join(this.tools, tool), { force: true })
    writeFileSync(join(this.tools, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }

  /** Puts a package of this version into the release, and `SHA256SUMS` for it alone. */
  async publish(
    version: string,
    { platform = `linux-${process.arch}`, says = version }: PublishOptions = {},
  ): Promise<string> {
    const top = `dstore-${version}-${platform}`
    const program = `#!/bin/sh\necho "dstore ${says}"\n`
    const bytes = await tarball(top, [
      { path: 'bin/dstore', bytes: Buffer.from(program), isExecutable: true },
      { path: 'lib/node', bytes: readFileSync('/bin/sleep'), isExecutable: true },
    ])
    const name = `${top}.tar.gz`
    writeFileSync(join(this.release, name), bytes)
    writeFileSync(join(this.release, 'SHA256SUMS'), checksums([{ name, bytes }]))
    return join(this.release, name)
  }

  /** Runs the script, with the release as its source. */
  run(
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
    script: string = INSTALL,
  ): Outcome {
    // A process group of its own, which a fake tool can kill.
    const options = { detached: true, encoding: 'utf8' as const, cwd: this.path }
    const { status, stdout, stderr } = spawnSync('/bin/sh', [script, ...args], {
      ...options,
      env: { PATH: this.tools, HOME: this.home, DSTORE_FROM: this.release, ...env },
    })
    return { exit: status, stdout, stderr }
  }

  /** What the installed command says; nothing if there is none. */
  version(): string {
    const { error, stdout } = spawnSync(this.command, { encoding: 'utf8', env: { PATH: '' } })
    return error === undefined ? stdout : ''
  }

  /** Starts the fake Node of an installed version, which sleeps. */
  async runNode(version: string): Promise<ChildProcess> {
    const path = join(this.prefix, 'lib/dstore', version, 'lib/node')
    const child = spawn(path, ['600'], { stdio: 'ignore' })
    this.#children.push(child)
    await once(child, 'spawn')
    return child
  }

  /** Paths below HOME, in order. */
  files(): string[] {
    return readdirSync(this.home, { recursive: true, encoding: 'utf8' }).toSorted()
  }
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
