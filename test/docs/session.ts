/** The session in the picture of the README: its commands, and how it is recorded. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { COLUMNS, onScreen } from '../../tools/session/picture.ts'
import type { Caption } from '../../tools/session/picture.ts'
import { Machine } from './machine.ts'
import { createPlace, removePlace } from './place.ts'
import type { DocsPlace } from './place.ts'
import { here, homeOf, there } from './run-page.ts'

/** Where the picture is. */
export const PICTURE = 'docs/images/session.svg'

export const CAPTION: Caption = {
  title: 'A session of dstore on two machines',
  description:
    'The machine named global stores a folder and gives it a name. The laptop reads one file of it, ' +
    'then fetches the whole folder by that name. Global removes the folder, and the laptop ' +
    'acknowledges that. After that, the laptop no longer serves the folder.',
}

type Command = readonly [machine: string, command: string]

/** What happened before: both machines have a node, and a folder is there. */
const BEFORE: readonly Command[] = [
  ['global', 'dstore start --global --listen /ip4/0.0.0.0/tcp/4480'],
  ['global', 'dstore invite --label laptop -o ticket'],
  ['laptop', 'scp -q global:ticket . && dstore join @ticket'],
  ['global', 'mkdir data && seq 3000000 > data/train.csv && seq 5000 > data/test.csv'],
]

const SHOWN: readonly Command[] = [
  ['global', 'dstore put data --name data/v1'],
  ['laptop', 'dstore get data/v1/test.csv | tail -n 1'],
  ['laptop', 'dstore get data/v1 -o data && ls data'],
  ['global', 'dstore rm data/v1'],
  ['laptop', 'dstore get data/v1/test.csv'],
]

/** What a command prints after some seconds of work, so only on a busy machine. */
const SUMMARY = /^(stored|fetched|wrote) [\d.]+\w+ in /

const AFTER: readonly Command[] = [
  ['laptop', 'dstore stop'],
  ['global', 'dstore stop'],
]

/** The lines of the session on the screen, prompts included. */
export async function record(): Promise<string[]> {
  const place = await createPlace('bundle')
  try {
    await untilDone(place, BEFORE)
    const lines: string[] = []
    for (const [machine, command] of SHOWN) {
      const written = there(await typed(place, machine, command), place, machine)
      const shown = onScreen(written).filter((line) => !SUMMARY.test(line))
      lines.push(`${machine}$ ${command}`, ...shown)
    }
    await untilDone(place, AFTER)
    return lines
  } finally {
    await removePlace(place)
  }
}

/** Run commands whose output nobody reads. */
async function untilDone(place: DocsPlace, commands: readonly Command[]): Promise<void> {
  for (const [name, command] of commands) {
    const machine = new Machine(homeOf(place, name), place.search)
    const { exit, output } = await machine.run(here(command, place), false)
    await machine.close()
    if (exit !== 0) throw new Error(`${name}$ ${command}\n${output}`)
  }
}

/** What a command writes to a terminal. */
async function typed(place: DocsPlace, machine: string, command: string): Promise<string> {
  const home = homeOf(place, machine)
  const inTerminal = `stty cols ${COLUMNS} rows 24 -echo; ${here(command, place)}`
  const child = spawn('script', ['-qec', inTerminal, '/dev/null'], {
    cwd: home,
    env: { PATH: place.search, HOME: home, LC_ALL: 'C.UTF-8', TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 120_000,
  })
  let written = ''
  child.stdout.on('data', (piece: Buffer) => (written += String(piece)))
  await once(child, 'close')
  return written
}
