/**
 * One large value through put, get and verify of real processes: rates, and each process's peak
 * memory. `node dist/bench/large.js [GiB]`, by default 4. Linux only: it reads peaks from /proc.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { GIB, MIB } from '../src/limits.ts'

const BUNDLE = fileURLToPath(new URL('../dstore.js', import.meta.url))
const bytes = Math.round(Number(process.argv[2] ?? 4) * GIB)
const CACHE = '64MiB'

interface Ran {
  readonly seconds: number
  readonly peakMiB: number
  readonly stdout: string
}

const peakMiB = async (child: ChildProcess): Promise<number> => {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [BUNDLE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function run(args: readonly string[]): Promise<Ran> {
  const begun = performance.now()
  const child = start(args)
  let [stdout, peak] = ['', 0]
  child.stdout!.on('data', (piece) => (stdout += String(piece)))
  const sampler = setInterval(() => {
    void peakMiB(child).then((now) => (peak = Math.max(peak, now)))
  }, 50)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(sampler)
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
  return { seconds: (performance.now() - begun) / 1000, peakMiB: peak, stdout: stdout.trim() }
}

async function daemon(args: readonly string[]): Promise<{ child: ChildProcess; ready: string }> {
  const child = start(['daemon', ...args])
  for await (const ready of createInterface({ input: child.stdout! })) return { child, ready }
  throw new Error('the daemon did not start')
}

const folder = await mkdtemp(join(tmpdir(), 'dstore-large-'))
const daemons: ChildProcess[] = []
try {
  const path = join(folder, 'value')
  const file = await open(path, 'w')
  for (let at = 0; at < bytes; at += MIB) await file.write(randomBytes(Math.min(MIB, bytes - at)))
  await file.close()

  const [atGlobal, atLocal] = [join(folder, 'global'), join(folder, 'local')]
  const global = await daemon(['--global', '--dir', atGlobal])
  daemons.push(global.child)
  const invited = await run(['invite', '--role', 'admin', '--dir', atGlobal])
  const local = await daemon(['--join', invited.stdout, '--dir', atLocal, '--cache', CACHE])
  daemons.push(local.child)

  const report = async (what: string, { seconds, peakMiB: peak }: Ran): Promise<void> => {
    const rate = Math.round(bytes / MIB / seconds)
    const [g, l] = [await peakMiB(global.child), await peakMiB(local.child)]
    process.stdout.write(
      `${what}: ${rate} MiB/s; peaks so far: command ${peak}, Global ${g}, Local ${l} MiB\n`,
    )
  }
  const put = await run(['put', path, '--dir', atLocal])
  await report('put at the Local', put)
  await report('verify at Global', await run(['verify', '-q', '--dir', atGlobal]))
  const out = join(folder, 'out')
  await report('get at the Local', await run(['get', put.stdout, '-o', out, '--dir', atLocal]))
  await rm(out)
  await report('get at Global', await run(['get', put.stdout, '-o', out, '--dir', atGlobal]))
} finally {
  for (const child of daemons) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}
