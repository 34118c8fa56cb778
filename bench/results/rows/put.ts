/** Puts of large values. */
import { GIB, KIB, MIB } from '../../../src/limits.ts'
import type { Bench, Daemon, Pair } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { shell } from '../processes.ts'

/** Removes the values, so that the next put stores them again, and waits until the disk is idle. */
async function without({ command, env }: Daemon, keys: readonly string[]): Promise<void> {
  for (const key of keys) await shell(`${command} rm --quiet "$1"`, [key], env)
  await shell('sync')
}

/** `script` has `$D` for the command, `$1` for the file. */
function putting(daemon: Daemon, script: string, files: readonly string[]): Contestant {
  let keys: readonly string[] = []
  return {
    name: 'dstore',
    part: 'dstore',
    before: () => without(daemon, keys),
    run: async () => {
      const printed = await shell(script.replaceAll('$D', daemon.command), files, daemon.env)
      keys = printed.trim().split('\n')
    },
    daemons: () => [daemon.pid],
  }
}

/** The same with the compiled hash, where there is one. */
async function both(
  bench: Bench,
  contestant: (daemon: Daemon) => Contestant,
): Promise<{ readonly dstore: Contestant; readonly native: readonly Contestant[] }> {
  const dstore = contestant(await bench.standalone())
  if (!bench.hasNative) {
    bench.missing.push('the native engine: `npm run native` was not run')
    return { dstore, native: [] }
  }
  const daemon = await bench.standalone({ native: true })
  return { dstore, native: [{ ...contestant(daemon), name: 'dstore, native', part: 'native' }] }
}

/** A shell's way to the same end, which writes `copy`. */
function copying(
  bench: Bench,
  part: 'floor' | 'peer',
  name: string,
  script: string,
  file: string,
): Contestant {
  const copy = bench.path('copy')
  return {
    name,
    part,
    before: () => shell('rm -f "$1" && sync', [copy]),
    run: async () => void (await shell(script, [file, copy])),
  }
}

async function kubo(bench: Bench, file: string): Promise<readonly Contestant[]> {
  if (!bench.has('ipfs', 'Kubo')) return []
  const env = { IPFS_PATH: bench.path('ipfs') }
  return [
    {
      name: 'Kubo `add`, 1 MiB chunks, then `sync`',
      part: 'peer',
      before: () => shell('rm -rf "$IPFS_PATH" && ipfs init -p test && sync', [], env),
      run: async () => {
        await shell('ipfs add -Q --raw-leaves -s size-1048576 "$1" && sync', [file], env)
      },
    },
  ]
}

const putPath: Row = {
  id: 'put-path',
  title: '`put` of 1 GiB by path, on disk, durable',
  measure: 'seconds',
  bar: { limit: 1.5, native: 1.3 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const script = '$D put --quiet "$1"'
    const { dstore, native } = await both(bench, (daemon) => putting(daemon, script, [file]))
    const peers = bench.has('b3sum', '`cp`, `b3sum` and `sync`')
      ? [
          copying(
            bench,
            'peer',
            '`cp`, `b3sum`, `sync`',
            'cp "$1" "$2"; b3sum "$1"; sync "$2"',
            file,
          ),
        ]
      : []
    const floor = copying(bench, 'floor', '`cp` and `sync`', 'cp "$1" "$2" && sync "$2"', file)
    return [dstore, floor, ...native, ...peers, ...(await kubo(bench, file))]
  },
}

const putPipe: Row = {
  id: 'put-pipe',
  title: '`put -` of 1 GiB from a pipe',
  measure: 'seconds',
  bar: { limit: 2.5, native: 2 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const script = 'cat "$1" | $D put --quiet -'
    const { dstore, native } = await both(bench, (daemon) => putting(daemon, script, [file]))
    const cat = 'cat "$1" | cat > "$2" && sync "$2"'
    return [dstore, copying(bench, 'floor', '`cat > file` and `sync`', cat, file), ...native]
  },
}

const equalSizes: Row = {
  id: 'put-equal-sizes',
  title: '16 new files of 64 MiB, beside 16 of different sizes',
  measure: 'seconds',
  bar: { limit: 1.05 },
  open: async (bench) => {
    const daemon = await bench.standalone()
    const files = (name: string, bytes: (i: number) => number): Promise<readonly string[]> =>
      Promise.all(Array.from({ length: 16 }, (_, i) => bench.file(bytes(i), `${name}-${i}`)))
    const equal = await files('equal', () => 64 * MIB)
    const different = await files('different', (i) => 64 * MIB + (2 * i - 15) * KIB)
    const script = '$D put --quiet "$@"'
    return [
      { ...putting(daemon, script, equal), name: 'dstore, equal sizes' },
      { ...putting(daemon, script, different), name: 'dstore, different sizes', part: 'floor' },
    ]
  },
}

const putAgain: Row = {
  id: 'put-again',
  title: '`put` of 1 GiB that is there already',
  measure: 'seconds',
  bar: { limit: 1.5 },
  open: async (bench) => {
    const file = await bench.file(GIB)
    const daemon = await bench.standalone()
    const { command, env } = daemon
    return [
      {
        ...putting(daemon, '$D put --quiet "$1"', [file]),
        before: () => shell(`${command} put --quiet "$1"; sync`, [file], env),
      },
      {
        name: '`dstore cid`',
        part: 'floor',
        run: async () => void (await shell(`${command} cid "$1"`, [file], env)),
      },
    ]
  },
}

const cid: Row = {
  id: 'cid',
  title: '`cid` of 1 GiB',
  measure: 'seconds',
  open: async (bench) => {
    const file = await bench.file(GIB)
    const { command } = await bench.standalone()
    const of = (name: string, part: 'dstore' | 'native', choice: string): Contestant => ({
      name,
      part,
      run: async () => {
        await shell(`${command} cid --quiet "$1"`, [file], { DSTORE_NATIVE: choice })
      },
    })
    const read: Contestant = {
      name: '`cat > /dev/null`',
      part: 'peer',
      run: async () => void (await shell('cat "$1" > /dev/null', [file])),
    }
    const b3sum: Contestant = {
      name: '`b3sum`',
      part: 'floor',
      run: async () => void (await shell('b3sum "$1"', [file])),
    }
    return [
      of('dstore', 'dstore', '0'),
      ...(bench.has('b3sum', 'the floor') ? [b3sum] : []),
      ...(bench.hasNative ? [of('dstore, native', 'native', '')] : []),
      read,
    ]
  },
}

/** New bytes for each put: a Local knows what it put before. */
const putAtLocal: Row = {
  id: 'put-local-cpu',
  title: '`put` of 1 GiB at a Local: CPU seconds of all processes',
  measure: 'cpu',
  bar: { limit: 0.6 },
  open: async (bench) => {
    const file = await bench.file(GIB, 'changing')
    const [pair, old] = [await bench.pair(), await bench.oldPair()]
    let count = 0
    const at = (
      name: string,
      part: 'dstore' | 'floor',
      { global, local }: Pair,
      keys: string[] = [],
    ): Contestant => ({
      name,
      part,
      before: async () => {
        // The first block differs, so the key does.
        await without(global, keys.splice(0))
        await shell('printf %016d "$2" | dd of="$1" conv=notrunc status=none', [file, `${++count}`])
        await shell('sync')
      },
      run: async () => {
        const key = await shell(`${local.command} put --quiet "$1"`, [file], local.env)
        keys.push(key.trim())
      },
      daemons: () => [global.pid, local.pid],
    })
    return [
      at('dstore', 'dstore', pair),
      ...(old === undefined ? [] : [at('the old tree', 'floor', old)]),
    ]
  },
}

export const PUT_ROWS: readonly Row[] = [putPath, putPipe, equalSizes, putAgain, putAtLocal, cid]
