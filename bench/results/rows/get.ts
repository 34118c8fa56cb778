/** Gets of large values, held in memory by a Local or kept on disk by Global. */
import { existsSync, linkSync, readFileSync } from 'node:fs'
import { GIB } from '../../../src/limits.ts'
import type { Bench, Daemon, Pair } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { shell } from '../processes.ts'
import { nginx } from './nginx.ts'

/** Puts the file where the daemon keeps values, and returns its key. */
async function keyOf(daemon: Daemon, file: string): Promise<string> {
  return (await shell(`${daemon.command} put --quiet "$1"`, [file], daemon.env)).trim()
}

/** The same, in the memory of the pair's Local. */
async function held({ global, local }: Pair, file: string): Promise<string> {
  const key = await keyOf(global, file)
  await shell(`${local.command} prefetch "$1"`, [key], local.env)
  return key
}

/** `script` has `$D` for the command, `$1` for the key, `$2` for a file to write. */
function getting(
  bench: Bench,
  daemons: readonly Daemon[],
  script: string,
  key: string,
): Contestant {
  const daemon = daemons[0]!
  const copy = bench.path('copy')
  return {
    name: 'dstore',
    part: 'dstore',
    before: () => shell('rm -f "$1" && sync', [copy]),
    run: async () => {
      await shell(script.replaceAll('$D', daemon.command), [key, copy], daemon.env)
    },
    daemons: () => daemons.map(({ pid }) => pid),
  }
}

function floor(bench: Bench, name: string, script: string, file: string): Contestant {
  const copy = bench.path('copy')
  return {
    name,
    part: 'floor',
    before: () => shell('rm -f "$1" && sync', [copy]),
    run: async () => void (await shell(script, [file, copy])),
  }
}

const COPY = 'cp "$1" "$2" && sync "$2"'

const heldToFile: Row = {
  id: 'get-held',
  title: '`get -o` of 1 GiB, held in memory',
  measure: 'seconds',
  bar: { limit: 1.5 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const pair = await bench.pair()
    const key = await held(pair, file)
    return [
      getting(bench, [pair.local], '$D get --quiet "$1" -o "$2"', key),
      floor(bench, '`cp` and `sync`', COPY, file),
    ]
  },
}

const diskToFile: Row = {
  id: 'get-disk',
  title: '`get -o` of 1 GiB, on disk',
  measure: 'seconds',
  bar: { limit: 1.6, native: 1.4 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const of = async (native: boolean): Promise<Contestant> => {
      const daemon = await bench.standalone({ native })
      return getting(bench, [daemon], '$D get --quiet "$1" -o "$2"', await keyOf(daemon, file))
    }
    const native: Contestant[] = []
    if (bench.hasNative) {
      native.push({ ...(await of(true)), name: 'dstore, native', part: 'native' })
    } else bench.missing.push('the native engine: `npm run native` was not run')
    return [await of(false), floor(bench, '`cp` and `sync`', COPY, file), ...native]
  },
}

const heldRedirected: Row = {
  id: 'get-redirected',
  title: '`get > file` of 1 GiB, held in memory',
  measure: 'seconds',
  bar: { limit: 2.5 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const pair = await bench.pair()
    const key = await held(pair, file)
    const url = `http://localhost/v1/values/${key}`
    const curl = getting(
      bench,
      [pair.local],
      `curl -s --unix-socket "${pair.local.socket}" ${url} > "$2"`,
      key,
    )
    return [
      getting(bench, [pair.local], '$D get --quiet "$1" > "$2"', key),
      floor(bench, '`cat > file`', 'cat "$1" > "$2"', file),
      ...(bench.has('curl', '`curl` from the same socket')
        ? [{ ...curl, name: '`curl` from the same socket', part: 'peer' as const }]
        : []),
    ]
  },
}

const pipeCpu: Row = {
  id: 'get-pipe-cpu',
  title: '`get | cat` of 1 GiB, held in memory: CPU seconds of the command',
  measure: 'cpu',
  bar: { limit: 0.5 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const of = async (name: string, part: 'dstore' | 'floor', pair: Pair): Promise<Contestant> => {
      const key = await held(pair, file)
      const times = bench.path('times')
      // `time` of bash: what the pipeline as a whole used is not asked for.
      const script = `TIMEFORMAT='%U %S'; { time ${pair.local.command} get --quiet "$1" 2> /dev/null; } 2> "$2" | cat > /dev/null`
      return {
        name,
        part,
        run: async () => {
          await shell(script, [key, times], pair.local.env)
          const [user, system] = readFileSync(times, 'utf8').trim().split(' ').map(Number)
          return { cpu: user! + system! }
        },
      }
    }
    const old = await bench.oldPair()
    return [
      await of('dstore', 'dstore', await bench.pair()),
      ...(old === undefined ? [] : [await of('the old tree', 'floor', old)]),
    ]
  },
}

const diskPipe: Row = {
  id: 'get-disk-pipe',
  title: '`get | cat` of 1 GiB, on disk',
  measure: 'seconds',
  bar: { limit: 4 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const daemon = await bench.standalone()
    return [
      getting(bench, [daemon], '$D get --quiet "$1" | cat > /dev/null', await keyOf(daemon, file)),
      floor(bench, '`cat | cat`', 'cat "$1" | cat > /dev/null', file),
    ]
  },
}

const cold: Row = {
  id: 'get-cold',
  title: 'cold `get -o` of 1 GiB at a Local',
  measure: 'seconds',
  bar: { limit: 1.4 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const pair = await bench.pair()
    const key = await held(pair, file)
    const get = getting(bench, [pair.local, pair.global], '$D get --quiet "$1" -o "$2"', key)
    const evict = async (): Promise<void> => {
      await shell(
        `rm -f "$2"; ${pair.local.command} evict --quiet "$1"; sync`,
        [key, bench.path('copy')],
        pair.local.env,
      )
    }
    const dstore = { ...get, before: evict }
    const isWhole = bench.has('nginx', 'the floor') && bench.has('b3sum', 'the floor')
    if (!isWhole) return [dstore]
    const { root, url, pid } = await nginx(bench)
    if (!existsSync(`${root}/value`)) linkSync(file, `${root}/value`)
    const verified = `curl -s ${url}/value | tee "$2" | b3sum && sync "$2"`
    return [
      dstore,
      {
        ...floor(bench, '`curl` from nginx, `b3sum` beside it, `sync`', verified, file),
        daemons: () => [pid],
      },
      {
        ...floor(
          bench,
          '`curl -o` from nginx, `sync`',
          `curl -s ${url}/value -o "$2" && sync "$2"`,
          file,
        ),
        part: 'peer',
        daemons: () => [pid],
      },
    ]
  },
}

export const GET_ROWS: readonly Row[] = [
  heldToFile,
  diskToFile,
  heldRedirected,
  pipeCpu,
  diskPipe,
  cold,
]
