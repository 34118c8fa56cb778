/** Where a page runs: its commands, its free ports, and an end that leaves nothing. */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { BUNDLE } from '../cli/command.ts'

/**
 * The command line that a page runs: the built bundle with this Node, or an installed command, by
 * its path, on a PATH without Node.
 */
export type Target = 'bundle' | { readonly command: string }

export interface DocsPlace {
  readonly path: string
  /** The variable PATH of its machines. */
  readonly search: string
  /** Free ports in the place of those in the pages. */
  readonly ports: ReadonlyMap<string, string>
}

export async function createPlace(target: Target): Promise<DocsPlace> {
  const path = mkdtempSync(join(tmpdir(), 'dstore-docs-'))
  const bin = join(path, 'bin')
  mkdirSync(bin)
  // What a page installs is there already.
  script(join(bin, 'npm'), 'exit 0')
  // Machines of a page are folders side by side.
  script(join(bin, 'scp'), `shift; cp -p "../$(echo "$1" | tr : /)" "$2"`)
  // It would fetch and run a package of another project.
  script(join(bin, 'npx'), 'echo "npx is not for pages" >&2; exit 127')
  const ports = await freePorts()
  if (target === 'bundle') {
    script(join(bin, 'dstore'), `exec '${process.execPath}' '${BUNDLE}' "$@"`)
    return { path, search: `${bin}${delimiter}${process.env['PATH']}`, ports }
  }
  // A command that would fall back on a Node of the system finds none, and only this dstore.
  script(join(bin, 'dstore'), `exec ${quoted(target.command)} "$@"`)
  const system = join(path, 'system')
  linkSystem(system)
  return { path, search: `${bin}${delimiter}${system}`, ports }
}

/** What `dist/dstore.cjs` of a clone is in a page. */
export function addBundle(home: string): void {
  script(join(home, 'dist', 'dstore.cjs'), 'exec dstore "$@"')
}

/** What a page leaves in a home directory, but for the state of a node. */
export function removeFiles(home: string): void {
  for (const name of readdirSync(home)) {
    if (name !== '.local') rmSync(join(home, name), { recursive: true, force: true })
  }
}

/** Stop every daemon whose state directory is in the place, and remove it. */
export async function removePlace({ path, search }: DocsPlace): Promise<void> {
  const sockets = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('/dstore.sock'))
    .map((name) => dirname(join(path, name)))
  const run = promisify(execFile)
  const env = { PATH: search, HOME: path }
  for (const dir of sockets)
    await run('dstore', ['stop', '--dir', dir], { env }).catch(() => undefined)
  rmSync(path, { recursive: true, force: true })
}

/** As a shell reads it: an installation may have quotation marks in its path. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o755)
}

/** Every program of the system but Node's. */
function linkSystem(folder: string): void {
  mkdirSync(folder)
  for (const from of process.env['PATH']!.split(delimiter).filter((one) => existsSync(one))) {
    for (const name of readdirSync(from).filter(
      (one) => !/^(node|npm|npx|corepack|dstore)/.test(one),
    )) {
      if (!existsSync(join(folder, name))) symlinkSync(join(from, name), join(folder, name))
    }
  }
}

/** Two free ports, one above the other, as in the pages. */
async function freePorts(): Promise<ReadonlyMap<string, string>> {
  for (;;) {
    const first = await listen(0)
    const { port } = first.address() as AddressInfo
    const second = await listen(port + 1).catch(() => undefined)
    await close(first)
    if (second !== undefined) await close(second)
    if (second !== undefined)
      return new Map([
        ['4480', `${port}`],
        ['4481', `${port + 1}`],
      ])
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer().listen(port, '0.0.0.0')
  await once(server, 'listening')
  return server
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
