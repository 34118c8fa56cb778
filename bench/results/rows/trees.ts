/** Folders of many small files, beside copies of them and beside tar. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import type { Bench, Daemon } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'
import { shell } from '../processes.ts'

const FOLDERS = 100
const FILES = 100
const FILE_BYTES = 4096

/** 10,000 files of 4 KiB in a hundred folders. */
export function tree(bench: Bench): Promise<string> {
  return bench.shared('a tree', async () => {
    const path = bench.path('tree')
    for (let i = 0; i < FOLDERS; i++) {
      mkdirSync(`${path}/folder-${i}`, { recursive: true })
      for (let j = 0; j < FILES; j++) {
        writeFileSync(`${path}/folder-${i}/file-${j}`, randomBytes(FILE_BYTES))
      }
    }
    await shell('sync')
    return path
  })
}

/** As if it had just been made: no file of it is known by its inode and times. */
const NEW_COPY = 'rm -rf "$2" && cp -r "$1" "$2" && sync'

const copying = (bench: Bench, path: string): Contestant => ({
  name: '`cp -r` and `sync`',
  part: 'floor',
  before: () => shell('rm -rf "$1" && sync', [bench.path('tree-copy')]),
  run: async () => {
    await shell('cp -r "$1" "$2" && sync -f "$2"', [path, bench.path('tree-copy')])
  },
})

/** Stores what `script` reads from `$1`; what it stored in its last turn is removed before. */
function putting(daemon: Daemon, name: string, script: string, path: string): Contestant {
  const { command, env, pid, dir } = daemon
  const input = `${dir}-input`
  let key = ''
  return {
    name,
    part: 'dstore',
    before: async () => {
      if (key !== '') await shell(`${command} rm --quiet "$1"`, [key], env)
      await shell(NEW_COPY, [path, input])
    },
    run: async () => {
      key = (await shell(script.replaceAll('$D', command), [input], env)).trim()
    },
    daemons: () => [pid],
  }
}

const put: Row = {
  id: 'put-tree',
  title: '`put` of a folder of 10,000 files of 4 KiB, durable',
  measure: 'seconds',
  bar: { limit: 4 },
  open: async (bench) => {
    const path = await tree(bench)
    const daemon = await bench.standalone()
    const tar = 'tar c -C "$1" . | $D put --quiet -'
    return [
      putting(daemon, 'dstore', '$D put --quiet "$1"', path),
      copying(bench, path),
      { ...putting(daemon, '`tar c | dstore put -`', tar, path), part: 'peer' },
    ]
  },
}

const putNext: Row = {
  id: 'put-tree-next',
  title: '`put` of the next version, with one of the 10,000 files changed',
  measure: 'seconds',
  bar: { limit: 1, isAbsolute: true },
  open: async (bench) => {
    const path = bench.path('tree-versions')
    await shell(NEW_COPY, [await tree(bench), path])
    const { command, env, pid } = await bench.standalone()
    await shell(`${command} put --quiet "$1"`, [path], env)
    return [
      {
        name: 'dstore',
        part: 'dstore',
        before: async () => {
          writeFileSync(`${path}/folder-7/file-7`, randomBytes(FILE_BYTES))
          await shell('sync; sleep 1')
        },
        run: async () => void (await shell(`${command} put --quiet "$1"`, [path], env)),
        daemons: () => [pid],
      },
    ]
  },
}

const get: Row = {
  id: 'get-tree',
  title: '`get -o` of a folder of 10,000 files of 4 KiB, on disk',
  measure: 'seconds',
  bar: { limit: 4 },
  open: async (bench) => {
    const path = await tree(bench)
    const { command, env, pid } = await bench.standalone()
    const copy = bench.path('tree-got')
    const getting = async (name: string, script: string, source: string): Promise<Contestant> => {
      const key = (await shell(source.replaceAll('$D', command), [path], env)).trim()
      return {
        name,
        part: 'dstore',
        before: () => shell('rm -rf "$1" && sync', [copy]),
        run: async () => {
          await shell(script.replaceAll('$D', command), [key, copy], env)
          if (!existsSync(`${copy}/folder-99/file-99`)) throw new Error('it is not whole')
        },
        daemons: () => [pid],
      }
    }
    const untar = 'mkdir "$2" && $D get --quiet "$1" | tar x -C "$2" && sync -f "$2"'
    const tar = await getting(
      '`dstore get | tar x` of a tar, and `sync`',
      untar,
      'tar c -C "$1" . | $D put --quiet -',
    )
    return [
      await getting('dstore', '$D get --quiet "$1" -o "$2"', '$D put --quiet "$1"'),
      copying(bench, path),
      { ...tar, part: 'peer' },
    ]
  },
}

export const TREE_ROWS: readonly Row[] = [put, putNext, get]
