/** Two machines as folders of this one, which reach each other over loopback. */
import {
  existsSync,
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
import type { Owner } from '../cli/command.ts'
import { environment, leavesOf, linesOf, socketsIn, timed } from './machine.ts'
import type { Equipment, Left, Machine, Ran } from './machine.ts'

const NODE_PROGRAMS = new Set(['node', 'nodejs', 'npm', 'npx', 'corepack'])

export function plainMachines(
  t: Owner,
  equipment: readonly [Equipment, Equipment],
): [Machine, Machine] {
  return [new Plain(t, 'A', equipment[0]), new Plain(t, 'B', equipment[1])]
}

class Plain implements Machine {
  readonly isSealed = false
  readonly address = '127.0.0.1'
  readonly name: string
  readonly home: string
  readonly #base: string
  readonly #umask: string
  readonly #env: Record<string, string>
  readonly #written = new Set<string>()

  constructor(t: Owner, name: string, { node, npm, umask }: Equipment) {
    this.name = name
    this.#base = mkdtempSync(join(tmpdir(), 'dstore-stranger-'))
    this.#umask = umask
    this.home = join(this.#base, 'home')
    for (const folder of ['home', 'tmp', 'run', 'tools']) mkdirSync(join(this.#base, folder))
    const folders = node === undefined ? [this.#withoutNode()] : [node, ...npm, '/usr/bin', '/bin']
    this.#env = {
      ...environment(this.home, folders),
      TMPDIR: join(this.#base, 'tmp'),
      XDG_RUNTIME_DIR: join(this.#base, 'run'),
    }
    t.teardown(() => {
      for (const { pid } of this.#processes()) process.kill(pid, 'SIGKILL')
      rmSync(this.#base, { recursive: true, force: true })
    })
  }

  run(command: string): Promise<Ran> {
    return timed('sh', ['-c', `umask ${this.#umask}; cd; ${command}`], this.#env)
  }

  // oxlint-disable-next-line typescript/require-await -- as the interface has it
  async write(path: string, bytes: Uint8Array): Promise<void> {
    writeFileSync(join(this.home, path), bytes)
    this.#written.add(join(this.home, path))
  }

  // oxlint-disable-next-line typescript/require-await -- as the interface has it
  async left(): Promise<Left> {
    const folders = ['home', 'tmp', 'run'].map((name) => join(this.#base, name))
    const paths = folders.flatMap((folder) => leavesOf(folder).map((path) => join(folder, path)))
    const sockets = socketsIn(linesOf(readFileSync('/proc/net/unix', 'utf8'))).filter((path) =>
      path.startsWith(this.#base),
    )
    return {
      paths: paths.filter((path) => !this.#written.has(path)),
      processes: this.#processes().map(({ command }) => command),
      sockets,
    }
  }

  /** A folder of every program of the system but Node and npm. */
  #withoutNode(): string {
    const tools = join(this.#base, 'tools')
    for (const folder of ['/bin', '/usr/bin']) {
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        const link = join(tools, name)
        if (NODE_PROGRAMS.has(name) || existsSync(link)) continue
        rmSync(link, { force: true })
        symlinkSync(join(folder, name), link)
      }
    }
    return tools
  }

  /** The processes of this machine: those that were started with its home directory. */
  #processes(): { pid: number; command: string }[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return []
      try {
        const variables = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0')
        if (!variables.includes(`HOME=${this.home}`)) return []
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return command === '' ? [] : [{ pid: Number(name), command }]
      } catch {
        return [] // it belongs to someone else, or has just ended
      }
    })
  }
}
