/**
 * Memory while a large folder is put at one Local and got at another: of the commands, of both
 * Locals, which have a cache of 64 MiB, and of Global. It fails where one has more than its bound.
 * Linux only.
 *
 *     node dist/bench/trees.js [THOUSANDS]
 *
 * By default 100,000 files of 500 bytes, a hundred in each folder.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Bench, type Daemon } from './results/bench.ts'
import { shell } from './results/processes.ts'

const THOUSANDS = Number(process.argv[2] ?? 100)
const FILE_BYTES = 500

/** Of one process, at most, without mapped files: the pages of LMDB are page cache. */
const MOST_MIB = 300

function writeTree(path: string): void {
  for (let folder = 0; folder < THOUSANDS * 10; folder++) {
    mkdirSync(`${path}/folder-${folder}`, { recursive: true })
    for (let file = 0; file < 100; file++) {
      const seed = createHash('sha256').update(`${folder}/${file}`).digest()
      writeFileSync(`${path}/folder-${folder}/file-${file}`, Buffer.alloc(FILE_BYTES, seed))
    }
  }
}

/** The memory of a process without mapped files, in MiB; 0 where it has ended. */
function memory(pid: number): number {
  try {
    const [, kib = '0'] = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kib) / 1024
  } catch {
    return 0
  }
}

/** Samples a process until `stop`, which returns the most memory that it had. */
function watch(pid: number): () => number {
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, memory(pid))), 20)
  return () => {
    clearInterval(timer)
    return most
  }
}

let isBelow = true

function say(what: string, mib: number): void {
  isBelow &&= mib <= MOST_MIB
  process.stdout.write(`${what}: ${mib.toFixed(0)} MiB\n`)
}

/** Runs a command to its end, and says how long it took and what memory it had. */
async function run({ command, env }: Daemon, args: string): Promise<void> {
  const begin = performance.now()
  const child = spawn('bash', ['-c', `exec ${command} ${args}`], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.resume()
  const stop = watch(child.pid!)
  const [code] = (await once(child, 'exit')) as [number | null]
  const mib = stop()
  if (code !== 0) throw new Error(`${args} ended with ${code}`)
  say(`${args.split(' ')[0]} in ${((performance.now() - begin) / 1000).toFixed(1)} s`, mib)
}

const bench = new Bench({}, false)
try {
  const tree = bench.path('tree')
  writeTree(tree)
  const global = await bench.daemon(['--global'])
  const locals: Daemon[] = []
  for (let i = 0; i < 2; i++) {
    const ticket = bench.path('ticket')
    writeFileSync(ticket, await bench.run(global, 'invite --role admin'))
    locals.push(await bench.daemon(['--join', `@${ticket}`, '--cache', '64MiB']))
  }
  const [a, b] = locals as [Daemon, Daemon]
  const daemons = { Global: global, 'the Local that put': a, 'the Local that got': b }
  const stops = Object.entries(daemons).map(([what, { pid }]) => [what, watch(pid)] as const)
  await run(a, `put --quiet ${tree} --name tree`)
  writeFileSync(`${tree}/folder-0/file-0`, 'changed')
  await run(a, `put --quiet ${tree} --name next`)
  await run(b, `get --quiet next -o ${tree}-got`)
  await shell('diff -r --no-dereference "$1" "$1-got"', [tree])
  await run(a, 'rm --quiet tree next --timeout 600s')
  for (const [what, stop] of stops) say(what, stop())
  if (!isBelow) {
    process.stdout.write(`more than ${MOST_MIB} MiB\n`)
    process.exitCode = 1
  }
} finally {
  await bench.close()
}
