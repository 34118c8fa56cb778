/** Files of values: opening them, loading through them, copying out of them. */
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '../../../src/dstore.ts'
import { GIB, KIB, MIB } from '../../../src/limits.ts'
import { median } from '../../ratio.ts'
import type { Bench, Daemon, Pair } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { shell } from '../processes.ts'

const CLIENT = fileURLToPath(new URL('../../../../clients/python/src', import.meta.url))

const python = (): string => process.env['PYTHON'] ?? 'python3'

/** Global, and a Local with files in these places. */
function pairWith(bench: Bench, name: string, flags: readonly string[]): Promise<Pair> {
  return bench.shared(name, async () => {
    const { global } = await bench.pair()
    const ticket = (await bench.run(global, 'invite')).trim()
    return { global, local: await bench.daemon(['--join', ticket, ...flags]) }
  })
}

const onSharedMemory = (bench: Bench): Promise<Pair> =>
  pairWith(bench, 'pair with files on shared memory', ['--cache', '2GiB'])

function onDisk(bench: Bench): Promise<Pair> {
  const folder = ['--cache-dir', bench.path('files'), '--cache-dir-size', '4GiB']
  return pairWith(bench, 'pair with files on disk', ['--cache', '64MiB', ...folder])
}

/** Puts a file at Global, has it in a file of the Local, and returns its key. */
async function inFile(bench: Bench, { global, local }: Pair, file: string): Promise<string> {
  const key = (await bench.run(global, 'put --quiet', [file])).trim()
  await bench.run(local, 'path --quiet --hold 1s', [key])
  return key
}

const OPENINGS = 200

const OPEN_BY_PYTHON = `
import sys, time
import dstore
taken = []
with dstore.connect() as node:
    for _ in range(int(sys.argv[2]) + 20):
        begin = time.perf_counter()
        with node.open_path(sys.argv[1]):
            taken.append(time.perf_counter() - begin)
print(sorted(taken[20:])[len(taken[20:]) // 2])
`

const opening: Row = {
  id: 'path-open',
  title: 'opening the path of a held value again: the median',
  measure: 'seconds',
  bar: { limit: 0.005, isAbsolute: true },
  open: async (bench) => {
    const pair = await onSharedMemory(bench)
    const key = await inFile(bench, pair, await bench.file(300 * KIB))
    const dstore = await connect({ dir: pair.local.dir })
    bench.onClose(() => dstore.close())
    const byLibrary: Contestant = {
      name: 'the library',
      part: 'dstore',
      run: async () => {
        const taken: number[] = []
        for (let i = 0; i < OPENINGS; i++) {
          const begin = performance.now()
          const file = await dstore.openPath(key)
          taken.push(performance.now() - begin)
          await file[Symbol.asyncDispose]()
        }
        return { seconds: median(taken) / 1000 }
      },
    }
    const byPython: Contestant = {
      name: 'the Python client',
      part: 'dstore',
      run: async () => {
        const env = { ...pair.local.env, PYTHONPATH: CLIENT }
        const script = '"$1" -c "$2" "$3" "$4"'
        const out = await shell(script, [python(), OPEN_BY_PYTHON, key, `${OPENINGS}`], env)
        return { seconds: Number(out) }
      },
    }
    return bench.has('python3', 'the Python client') ? [byLibrary, byPython] : [byLibrary]
  },
}

const byCommand: Row = {
  id: 'path-command',
  title: '`path` of a held value by the command, 10 times',
  measure: 'seconds',
  bar: { limit: 1.35 },
  open: async (bench) => {
    const pair = await onSharedMemory(bench)
    const key = await inFile(bench, pair, await bench.file(300 * KIB))
    const times = (command: string): string =>
      `for i in 1 2 3 4 5 6 7 8 9 10; do ${command} > /dev/null; done`
    return [
      {
        name: 'dstore',
        part: 'dstore',
        run: async () =>
          void (await shell(times(`${pair.local.command} path "$1"`), [key], pair.local.env)),
        daemons: () => [pair.local.pid],
      },
      {
        name: '`node -e 0`',
        part: 'floor',
        run: async () => void (await shell(times('"$1" -e 0'), [process.execPath])),
      },
    ]
  },
}

const WEIGHTS = `
import sys, numpy
from safetensors.numpy import save_file
rows = int(sys.argv[2]) // 4096 // 32
save_file({f"w{i}": numpy.random.default_rng(i).random((rows, 1024), "float32") for i in range(32)}, sys.argv[1])
`

/** Loads the file whose path the last argument, or the daemon, says, and prints the seconds. */
const LOAD = `
import sys, time
from safetensors.numpy import load_file
import dstore
def load(path):
    return sum(float(one[::64].sum()) for one in load_file(path).values())
with dstore.connect() as node:
    begin = time.perf_counter()
    if sys.argv[1] == "path":
        with node.open_path(sys.argv[2]) as file:
            load(str(file.path))
    else:
        load(sys.argv[2])
    print(time.perf_counter() - begin)
`

const loading: Row = {
  id: 'path-load',
  title: 'loading 122 MiB of safetensors by path',
  measure: 'seconds',
  bar: { limit: 1.2 },
  open: async (bench) => {
    if (!(await hasModules())) {
      bench.missing.push('all of it: `$PYTHON` has no numpy and safetensors')
      return []
    }
    const pair = await onSharedMemory(bench)
    const weights = bench.path('weights.safetensors')
    await shell('"$1" -c "$2" "$3" "$4"', [python(), WEIGHTS, weights, `${122 * MIB}`])
    const key = await inFile(bench, pair, weights)
    const copy = join('/dev/shm', `dstore-bench-${process.pid}.safetensors`)
    copyFileSync(weights, copy)
    bench.onClose(() => rmSync(copy, { force: true }))
    const of = (name: string, part: 'dstore' | 'floor', how: string, what: string): Contestant => ({
      name,
      part,
      run: async () => {
        const env = { ...pair.local.env, PYTHONPATH: CLIENT }
        return {
          seconds: Number(await shell('"$1" -c "$2" "$3" "$4"', [python(), LOAD, how, what], env)),
        }
      },
      daemons: () => [pair.local.pid],
    })
    return [
      of('`open_path` and `load_file`', 'dstore', 'path', key),
      of('`load_file` of the same file on tmpfs', 'floor', 'file', copy),
    ]
  },
}

async function hasModules(): Promise<boolean> {
  const script = '"$1" -c "import numpy, safetensors" 2> /dev/null && echo yes || true'
  return (await shell(script, [python()])).trim() === 'yes'
}

/** By the same threads as from the store of a standalone node, which takes turns with it. */
const copyOut: Row = {
  id: 'get-file',
  title: '`get -o` of 1 GiB, held by a Local in a file on disk',
  measure: 'seconds',
  bar: { limit: 1.6 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const copy = bench.path('copy')
    const turn = (name: string, part: Contestant['part'], daemon: Daemon, key: string) => ({
      name,
      part,
      before: () => shell('rm -f "$1" && sync', [copy]),
      run: async () => void (await bench.run(daemon, 'get --quiet', [key, '-o', copy])),
      daemons: () => [daemon.pid],
    })
    const pair = await onDisk(bench)
    const key = await inFile(bench, pair, file)
    const store = await bench.standalone()
    await bench.run(store, 'put --quiet', [file])
    return [
      turn('dstore', 'dstore', pair.local, key),
      {
        name: '`cp` and `sync`',
        part: 'floor',
        before: () => shell('rm -f "$1" && sync', [copy]),
        run: async () => void (await shell('cp "$1" "$2" && sync "$2"', [file, copy])),
      },
      turn('dstore, the store of a standalone node', 'peer', store, key),
    ]
  },
}

export const PATH_ROWS: readonly Row[] = [opening, byCommand, loading, copyOut]
