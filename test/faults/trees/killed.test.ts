/** `kill -9` in the middle of puts and removals of trees that share almost all of their files. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../../src/bytes.ts'
import { SILENT } from '../../../src/log.ts'
import { Global } from '../../../src/node/global/global.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import type { Store } from '../../../src/store/store.ts'
import { childrenOf, walkIndex, type WholeIndex } from '../../index/whole-index.ts'
import { settled } from '../../node/global/settled.ts'
import { test } from '../../serial.ts'
import { inTemporary } from '../../store/temporary.ts'
import { VERSIONS, versionOf } from './versions.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 2)
/** Of each version. */
const FILES = Number(process.env['DSTORE_KILLED_FILES'] ?? 200)
/** A process is killed in the middle of one of its first calls. */
const MOST_CALLS = 10
const MOST_DELAY_MS = FILES / 2

type Fate = 'there' | 'gone' | 'unsure'

/** Runs a process on the directory, and kills it. Returns how many of its calls were answered. */
async function runAndKill(dir: string, fates: Fate[]): Promise<number> {
  const path = fileURLToPath(new URL('killed-process.js', import.meta.url))
  const child = spawn(process.execPath, [path, dir, `${FILES}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('close', (_code, signal) => resolve(signal))
  })
  const lastCall = 1 + Math.floor(Math.random() * MOST_CALLS)
  let [calls, answered] = [0, 0]
  for await (const line of createInterface({ input: child.stdout })) {
    const words = line.split(' ')
    if (words[0] === 'done') {
      answered++
      fates[Number(words[2])] = words[1] === 'put' ? 'there' : 'gone'
    } else if (words[0] !== 'ready') {
      fates[Number(words[1])] = 'unsure'
      if (++calls !== lastCall) continue
      setTimeout(() => child.kill('SIGKILL'), Math.random() * MOST_DELAY_MS)
    }
  }
  assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
  return answered
}

/** Runs Global on the store of a directory. */
async function withGlobal(
  directory: string,
  run: (store: Store, global: Global) => Promise<void>,
): Promise<void> {
  const store = await openDiskStore({ directory })
  const global = await Global.open({
    store,
    network: undefined,
    gate: undefined,
    log: SILENT,
    now: () => performance.now(),
    wall: Date.now,
    random: (bytes) => randomBytes(bytes),
  })
  try {
    await run(store, global)
  } finally {
    await global.close()
  }
}

/** Everything below a directory, itself included. */
function below(index: WholeIndex, root: string, found = new Set<string>()): Set<string> {
  if (found.has(root)) return found
  found.add(root)
  const directory = index.directories.get(root)
  for (const child of directory === undefined ? [] : childrenOf(directory)) {
    below(index, child, found)
  }
  return found
}

async function check(dir: string, fates: Fate[]): Promise<{ holds: number; cascades: number }> {
  // As the kill left it, every count is that of what is there, half made and half removed.
  const left = await openDiskStore({ directory: dir })
  const crashed = await walkIndex(left)
  await left.close()
  assert.deepEqual(crashed.faults, [])
  const holds = crashed.unfinished.filter((one) => one.startsWith('hold '))
  await withGlobal(dir, async (store, global) => {
    await settled(store)
    const { faults, names, missing } = await walkIndex(store)
    assert.deepEqual(faults, [])
    assert.equal(missing.size, 0)
    fates.forEach((fate, n) => {
      const isThere = names.has(`versions/${n}`)
      if (fate !== 'unsure') assert.equal(isThere, fate === 'there', `version ${n}`)
      fates[n] = isThere ? 'there' : 'gone'
    })
    // Without the holds of those that were killed, the store has the versions, and nothing else.
    for (const hold of holds) await global.trees.releaseHold(hold.split(' ')[1]!)
    await settled(store)
    const index = await walkIndex(store)
    assert.deepEqual(index.faults, [])
    assert.deepEqual(index.unfinished, [])
    const whole = new Set<string>()
    fates.forEach((fate, n) => {
      const root = toHex(versionOf(n, FILES).root.digest)
      assert.equal(index.keys.has(root), fate === 'there')
      if (fate === 'there') below(index, root, whole)
    })
    assert.deepEqual([...index.keys.keys()].toSorted(), [...whole].toSorted())
  })
  const cascades = crashed.unfinished.filter((one) => one.startsWith('cascade '))
  return { holds: holds.length, cascades: cascades.length }
}

test(`R004-91, R004-98: a tree is whole or gone after kill -9, ${KILLS} times in puts and removals of ${FILES} files`, async (t) => {
  t.timeout(60 * 60_000)
  await inTemporary(async (dir) => {
    const fates = Array.from({ length: VERSIONS }, (): Fate => 'gone')
    let [answered, holds, cascades] = [0, 0, 0]
    for (let run = 0; run < KILLS; run++) {
      answered += await runAndKill(dir, fates)
      const left = await check(dir, fates)
      holds += left.holds
      cascades += left.cascades
    }
    t.log(`${answered} calls were answered; ${holds} puts and ${cascades} removals were cut off`)
    if (KILLS > 20) t.true(answered > KILLS && holds > 0 && cascades > 0, 'the load was real')
    t.pass()
  })
})
