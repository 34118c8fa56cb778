/** Processes that map one value: how much memory all of them use together. Linux only. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { ExecutionContext } from 'ava'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { MIB } from '../../../src/limits.ts'
import { putRandom } from '../../faults/files/values.ts'
import { network } from '../nodes.ts'

const PYTHON = process.env['PYTHON'] ?? 'python3'
const PROCESSES = 10
const PAGE = 4096

/** Beside the value itself: what the heaps of eleven processes grow by. */
const OTHER_BYTES = 102 * MIB

/** Waits for a line, maps the value, reads each page, and says the sum of a byte of each. */
const MAPPER = `
import http.client, json, mmap, socket, sys
print("ready", flush=True)
sys.stdin.readline()
connection = http.client.HTTPConnection("localhost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
headers = {"Content-Type": "application/json"}
connection.request("POST", "/v1/values/" + sys.argv[2] + "/path", "{}", headers)
events = connection.getresponse()
path = None
while path is None:
    event = json.loads(events.readline())
    if event.get("event") == "failed" or "code" in event:
        sys.exit(str(event))
    path = event.get("result", {}).get("path")
with open(path, "rb") as file:
    value = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print(sum(value[0::${PAGE}]), flush=True)
sys.stdin.readline()
`

/** Memory of a process in bytes: shared pages are divided by the number of those that map them. */
function proportional(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)![1]) * 1024
}

interface Mapper {
  readonly pid: number
  /** Its next line. */
  readonly line: () => Promise<string>
  readonly go: () => void
}

function start(socket: string, key: string): Mapper & { readonly child: ChildProcess } {
  const child = spawn(PYTHON, ['-c', MAPPER, socket, key], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    pid: child.pid!,
    line: async () => String((await lines.next()).value),
    go: () => void child.stdin.write('\n'),
  }
}

/**
 * Ten processes map a value of this size, which the Local may have in memory before: the copy on
 * the machine is one.
 */
export async function mapByTen(
  t: ExecutionContext,
  size: number,
  isInMemory = false,
): Promise<void> {
  if (process.platform !== 'linux' || spawnSync(PYTHON, ['--version']).status !== 0) {
    t.log('SKIPPED: it needs Linux and Python')
    t.pass()
    return
  }
  const { global, locals } = await network(t, 1, { local: ['--cache', `${2 * size}`] })
  const local = locals[0]!
  const { key, bytes } = await putRandom(global, size)
  let sum = 0
  for (let at = 0; at < size; at += PAGE) sum += bytes[at]!

  const socket = stateDirectory(local.place.state).socket
  const mappers = Array.from({ length: PROCESSES }, () => start(socket, key))
  t.teardown(async () => {
    for (const { child } of mappers) {
      if (child.exitCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  })
  for (const { line } of mappers) t.is(await line(), 'ready')
  const pids = [local.process.pid!, ...mappers.map(({ pid }) => pid)]
  const used = (): number[] => pids.map(proportional)
  const before = used()
  if (isInMemory) await local.ask((client) => client.prefetch(key))
  for (const { go } of mappers) go()
  for (const { line } of mappers) t.is(await line(), `${sum}`, 'it read the value')
  const after = used()
  const parts = after.map((bytes, i) => bytes - before[i]!)
  const grown = parts.reduce((sum, bytes) => sum + bytes, 0)
  const inMiB = (bytes: number): number => Math.round(bytes / MIB)
  t.log(`${inMiB(grown)} MiB more for a value of ${inMiB(size)} MiB`)
  t.log(`the daemon ${inMiB(parts[0]!)}, the others ${parts.slice(1).map(inMiB).join(' ')}`)
  // A killed node would leave its files in shared memory until the next one starts.
  await local.signal('SIGTERM')
  t.true(grown > size * 0.99, 'every page is mapped')
  t.true(grown <= size + OTHER_BYTES, `${grown}`)
}
