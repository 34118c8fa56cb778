/** Lists of a million keys. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'lmdb'
import type { Bench } from '../bench.ts'
import type { Row } from '../model.ts'
import { shell } from '../processes.ts'
import { MANY, filled } from './million.ts'

/** As many rows of the same size, scanned in this process. */
function scan(bench: Bench): Promise<() => number> {
  return bench.shared('rows of lmdb', async () => {
    const path = bench.path('rows.mdb')
    const table = open<Buffer, Buffer>({
      path,
      keyEncoding: 'binary',
      encoding: 'binary',
      noSync: true,
    })
    for (let at = 0; at < MANY; at += 10_000) {
      await table.transaction(() => {
        for (let i = 0; i < 10_000; i++) void table.put(randomBytes(33), randomBytes(40))
      })
    }
    bench.onClose(() => table.close())
    return () => {
      let bytes = 0
      for (const { key, value } of table.getRange()) bytes += key.length + value.length
      return bytes
    }
  })
}

const listKeys: Row = {
  id: 'ls-keys',
  title: '`ls --keys` of a million keys',
  measure: 'seconds',
  bar: { limit: 6 },
  open: async (bench) => {
    const [daemon, rows] = [await filled(bench), await scan(bench)]
    return [
      {
        name: 'dstore',
        part: 'dstore',
        run: async () => {
          const lines = await shell(`${daemon.command} ls --quiet --keys | wc -l`, [], daemon.env)
          if (Number(lines) < MANY) throw new Error(`${lines} lines`)
        },
        daemons: () => [daemon.pid],
      },
      {
        name: 'range scan of LMDB, in process',
        part: 'floor',
        run: async () => void rows(),
      },
    ]
  },
}

/** The bar is the figure itself. */
const listCpu: Row = {
  id: 'ls-keys-cpu',
  title: '`ls --keys` of a million keys: CPU seconds of the command',
  measure: 'cpu',
  bar: { limit: 0.5, isAbsolute: true },
  open: async (bench) => {
    const daemon = await filled(bench)
    const times = bench.path('times')
    const script = `TIMEFORMAT='%U %S'; { time ${daemon.command} ls --quiet --keys 2> /dev/null; } 2> "$1" | cat > /dev/null`
    return [
      {
        name: 'dstore',
        part: 'dstore',
        run: async () => {
          await shell(script, [times], daemon.env)
          const [user, system] = readFileSync(times, 'utf8').trim().split(' ').map(Number)
          return { cpu: user! + system! }
        },
      },
    ]
  },
}

export const LIST_ROWS: readonly Row[] = [listKeys, listCpu]
