/** The bars of rules at full size (specs/004-index.md, "Rules: lifecycle"): it takes minutes. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readFile } from 'node:fs/promises'
import { test } from '../../serial.ts'
import { GIB, MIB } from '../../../src/limits.ts'
import type { NodeStatus } from '../../../src/node/node.ts'
import { encodeChange } from '../../../src/index/records/change-record.ts'
import { encodeBinding, namedRow } from '../../../src/index/records/name-record.ts'
import { decodeKey, encodeKey, keyRow, nameRow } from '../../../src/index/records/record.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { eventually } from '../../eventually.ts'
import { Nodes, once } from '../nodes.ts'
import { putThrough, valueOf } from './stream.ts'

test('R004-147: 10,000 values of 1 MiB go through a rule of 1 GiB', async (t) => {
  t.timeout(1_800_000)
  const nodes = new Nodes(t)
  const node = await nodes.open({ role: 'standalone', store: 'disk' })
  const plain = { prefix: 'plain/', maxSize: GIB, values: 1000, size: MIB, atOnce: 4 }
  const without = await putThrough(node, plain)
  const { store } = await node.status()
  await node.rules.set('cache/', { maxSize: GIB })
  const many = { ...plain, prefix: 'cache/', values: 10_000, first: 1000 }
  const { mostStored, mostCharged, cpuMs, elapsedMs } = await putThrough(node, many)
  const own = mostStored - (store as NonNullable<NodeStatus['store']>).valueBytes
  const extraMs = cpuMs - (without.cpuMs / plain.values) * many.values
  t.log({
    chargedOfBound: mostCharged / GIB,
    storedOfBound: own / GIB,
    putsPerSecond: (1000 * many.values) / elapsedMs,
    cpuMsPerPut: cpuMs / many.values,
    cpuMsPerPutWithout: without.cpuMs / plain.values,
    shareOfACore: extraMs / elapsedMs,
  })
  t.true(mostCharged <= GIB)
  t.true(own <= GIB * 1.02 + MIB)
  const [rule] = await node.rules.list()
  t.true(rule!.size > GIB * 0.95)
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

async function memory(): Promise<number> {
  // What lives: how much garbage waits depends on a daemon's flags, which a test does not have.
  collectGarbage()
  // Without the pages of the store that are mapped: the kernel takes those back.
  const text = await readFile('/proc/self/status', 'utf8')
  return Number(/RssAnon:\s+(\d+) kB/.exec(text)![1]) * 1024
}

/** Binds names to one small value as an earlier run would have left them. */
async function writeNames(dir: string, prefixes: readonly string[], each: number): Promise<void> {
  const store = await openDiskStore({ directory: dir })
  const [key] = await store.scan('keys', { limit: 1 })
  const { id: digest } = key!
  const size = 8
  const boundMs = Date.now() - 3_600_000
  for (const prefix of prefixes) {
    for (let at = 0; at < each; at += 1000) {
      const names = Array.from(
        { length: Math.min(1000, each - at) },
        (_, i) => `${prefix}${at + i}`,
      )
      const value = encodeBinding({ digest, directory: false, boundMs, size })
      await store.commit({
        conditions: [],
        writes: names.flatMap((name) => [
          { key: nameRow(name), value },
          { key: namedRow(digest, name), value: Uint8Array.of(1) },
        ]),
        entry: encodeChange({ type: 'bind', digest, name: names.at(-1)! }, boundMs),
      })
    }
  }
  const found = decodeKey(key!)
  await store.commit({
    conditions: [],
    writes: [
      {
        key: keyRow(digest),
        value: encodeKey({ ...found, names: prefixes.length * each }),
      },
    ],
    entry: encodeChange({ type: 'bind', digest, name: `${prefixes[0]}0` }, boundMs),
  })
  await store.close()
}

test('R004-142: a node with 1,000,000 names under three rules starts in under 1 s', async (t) => {
  t.timeout(1_800_000)
  const nodes = new Nodes(t)
  const dir = await nodes.folder()
  const empty = await nodes.open({ role: 'standalone', store: 'disk', dir })
  await empty.put({ bytes: once(valueOf(1, 8)) })
  await empty.close()
  await writeNames(dir, ['a/', 'b/', 'c/'], 333_334)
  const first = await nodes.open({ role: 'standalone', store: 'disk', dir })
  // The names were there before the rules: they are counted in the background.
  const before = await memory()
  const began = performance.now()
  const cpu = process.cpuUsage()
  await first.rules.set('a/', { maxSize: GIB, maxAgeMs: 1e12 })
  await first.rules.set('b/', { maxNames: 500_000, unusedMs: 1e12 })
  await first.rules.set('c/', { maxNames: 400_000 })
  await eventually(
    async () => (await first.rules.list()).every(({ counting }) => !counting),
    600_000,
  )
  const countedMs = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  const grown = (await memory()) - before
  for (const { names } of await first.rules.list()) t.is(names, 333_334)
  await first.close()
  const starts: number[] = []
  for (let i = 0; i < 3; i++) {
    const opened = performance.now()
    const again = await nodes.open({ role: 'standalone', store: 'disk', dir })
    await again.put({ bytes: once(valueOf(2 + i, 8)) }, { name: `a/new${i}` })
    starts.push(performance.now() - opened)
    await again.close()
  }
  const startMs = Math.min(...starts)
  t.log({ countedMs, countingCpuMs: (user + system) / 1000, grownMiB: grown / MIB, startMs })
  t.true(startMs < 1000, `${startMs}`)
  t.true(grown < 64 * MIB, `${grown}`)
})
