/** `kill -9` in the middle of puts and removals of trees that share almost all of their files. */
import assert from 'node:assert/strict'
import type { ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { toHex } from '../../../src/bytes.ts'
import { openDiskStore } from '../../../src/store/disk/disk.ts'
import { childrenOf, walkIndex, type WholeIndex } from '../../index/whole-index.ts'
import { settled } from '../../node/global/settled.ts'
import { withGlobal } from '../../node/global/with-global.ts'
import { inTemporary } from '../../store/temporary.ts'
import { VERSIONS, versionOf } from './versions.ts'

/** A process is killed in the middle of one of its first puts, or of its first removals. */
const MOST_CALLS = 5

type Fate = 'there' | 'gone' | 'unsure'

/** Runs a process on the directory, and kills it. Returns how many of its calls were answered. */
async function runAndKill(dir: string, files: number, fates: Fate[]): Promise<number> {
  const path = fileURLToPath(new URL('killed-process.js', import.meta.url))
  const child = spawn(process.execPath, [path, dir, `${files}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('close', (_code, signal) => resolve(signal))
  })
  const kind = Math.random() < 0.5 ? 'put' : 'remove'
  const lastCall = 1 + Math.floor(Math.random() * MOST_CALLS)
  // A removal takes a small part of the time of a put.
  const mostMs = kind === 'put' ? files / 2 : 5 + files / 100
  let [calls, answered] = [0, 0]
  for await (const line of createInterface({ input: child.stdout })) {
    const words = line.split(' ')
    if (words[0] === 'done') {
      answered++
      fates[Number(words[2])] = words[1] === 'put' ? 'there' : 'gone'
    } else if (words[0] !== 'ready') {
      fates[Number(words[1])] = 'unsure'
      if (words[0] !== kind || ++calls !== lastCall) continue
      setTimeout(() => child.kill('SIGKILL'), Math.random() * mostMs)
    }
  }
  assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
  return answered
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

async function check(
  dir: string,
  files: number,
  fates: Fate[],
): Promise<{ holds: number; cascades: number }> {
  // As the kill left it, every count is that of what is there, half made and half removed.
  const left = await openDiskStore({ directory: dir })
  const crashed = await walkIndex(left)
  await left.close()
  assert.deepEqual(crashed.faults, [])
  const holds = crashed.unfinished.filter((one) => one.startsWith('hold '))
  await withGlobal(await openDiskStore({ directory: dir }), async (global, store) => {
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
      const root = toHex(versionOf(n, files).root.digest)
      assert.equal(index.keys.has(root), fate === 'there')
      if (fate === 'there') below(index, root, whole)
    })
    assert.deepEqual([...index.keys.keys()].toSorted(), [...whole].toSorted())
  })
  const cascades = crashed.unfinished.filter((one) => one.startsWith('cascade '))
  return { holds: holds.length, cascades: cascades.length }
}

export interface Kills {
  readonly kills: number
  /** Of each version. */
  readonly files: number
}

/** Kills processes on one directory, one after the other, and checks what each of them left. */
export async function killOften(t: ExecutionContext, { kills, files }: Kills): Promise<void> {
  t.timeout(kills * 120_000)
  await inTemporary(async (dir) => {
    const fates = Array.from({ length: VERSIONS }, (): Fate => 'gone')
    let [answered, holds, cascades] = [0, 0, 0]
    for (let run = 0; run < kills; run++) {
      answered += await runAndKill(dir, files, fates)
      const left = await check(dir, files, fates)
      holds += left.holds
      cascades += left.cascades
    }
    t.log(`${answered} calls were answered; ${holds} puts and ${cascades} removals were cut off`)
    if (kills > 20) t.true(answered > kills && holds > 0 && cascades > 0, 'the load was real')
    t.pass()
  })
}
