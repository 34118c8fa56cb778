/** A working set larger than the memory of a Local, and smaller than its files. Linux only. */
import { readFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { Client } from '../../../src/daemon/client/client.ts'
import { stateDirectory } from '../../../src/daemon/config/state-directory.ts'
import { MIB } from '../../../src/limits.ts'
import { eventually } from '../../eventually.ts'
import { putRandom } from '../../faults/files/values.ts'
import { Daemon } from '../nodes.ts'

export interface WorkingSet {
  readonly memory: number
  readonly files: number
  readonly values: number
  readonly size: number
}

/** What a Local may use beside its cache: the bound of `bench/README.md`, of a cache of 64 MiB. */
const CONSTANT_BYTES = 236 * MIB

const peakBytes = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

/** Reads a value and drops the bytes: dstore has verified them. Returns their number. */
async function lengthOf(local: Daemon, key: string): Promise<number> {
  const client = (await Client.connect(stateDirectory(local.place.state).socket))!
  let length = 0
  for await (const piece of (await client.get(key)).bytes) length += piece.byteLength
  client.close()
  return length
}

/** Three rounds over all values, a kill, and a fourth: only the first moves bytes. */
export async function readInRounds(t: ExecutionContext, set: WorkingSet): Promise<void> {
  const { memory, files, values, size } = set
  const global = await Daemon.start(t, ['--global'])
  const args = ['--cache', `${memory}`, '--cache-dir', 'files', '--cache-dir-size', `${files}`]
  let local = await Daemon.join(t, global, args)
  const keys: string[] = []
  for (let i = 0; i < values; i++) keys.push((await putRandom(global, size)).key)
  const round = async (): Promise<number> => {
    const before = await local.bytesIn()
    for (const key of keys) t.is(await lengthOf(local, key), size)
    return (await local.bytesIn()) - before
  }
  const beside = (): number => peakBytes(local.process.pid!) - memory
  const first = await round()
  t.true(first >= values * size, 'the first round fetches')
  t.is(await round(), 0, 'the second fetches nothing')
  t.is(await round(), 0, 'nor does the third')
  t.log(`at most ${Math.round(beside() / MIB)} MiB resident beside the cache in memory`)
  if (process.platform === 'linux') t.true(beside() <= CONSTANT_BYTES, `${beside()}`)
  await local.signal('SIGKILL')
  local = await Daemon.start(t, args, local.place)
  t.true(await eventually(async (saw) => saw((await local.status()).global)?.state === 'connected'))
  t.is(await round(), 0, 'nor does one after a kill and a restart')
  t.log(`${Math.round(beside() / MIB)} MiB after a restart`)
  if (process.platform === 'linux') t.true(beside() <= CONSTANT_BYTES, `${beside()}`)
}
