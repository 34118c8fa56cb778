/**
 * An archive is restored in an empty directory: how long until the first value is there, and is
 * everything there? `DSTORE_RESTORE_KEYS=10000 DSTORE_RESTORE_MIB=1024` for the measured figures.
 */
import assert from 'node:assert/strict'
import type { Client } from '../../src/daemon/client/client.ts'
import { MIB } from '../../src/limits.ts'
import type { Report } from '../doors/clients/report.ts'
import type { Running } from '../e2e/archive/archived.ts'
import { type Drill, destroy, say, withDrill } from './daemons.ts'
import type { Engine } from './engine.ts'

const KEYS = Number(process.env['DSTORE_RESTORE_KEYS'] ?? 400)
const BYTES = Number(process.env['DSTORE_RESTORE_MIB'] ?? 16) * MIB
/** One of so many values is large. */
const LARGE = 10
const SMALL_BYTES = 200
const LARGE_BYTES = Math.floor(BYTES / (KEYS / LARGE))
const AHEAD = 4
/** Nobody waits this long for a value; the machine of a test may be slow. */
const AFTER_FAREWELL_MS = 60_000
const AFTER_DEATH_MS = 120_000

const nameOf = (i: number): string => `value/${i}`

/** All of them are different. */
function valueOf(i: number): Buffer {
  return Buffer.alloc(i % LARGE === 0 ? LARGE_BYTES : SMALL_BYTES, `value ${i} `)
}

export async function testRestores(engine: Engine, report: Report): Promise<void> {
  const what = `${KEYS} keys and ${BYTES / MIB} MiB`
  await report.test(`${engine.name}: ${what} are restored, after a farewell and a death`, () =>
    withDrill(engine, ['--log-level=warn'], async (drill) => {
      const first = await drill.start(drill.machine()).ready()
      await fill(first)
      await first.restorable(600_000)
      await first.stop()
      const second = await restored(drill, 'a farewell', AFTER_FAREWELL_MS)
      await destroy(second)
      const third = await restored(drill, 'a death', AFTER_DEATH_MS)
      assert.doesNotMatch(first.stderr + second.stderr + third.stderr, /NodeVersion|AWS SDK/)
      await third.stop()
    }),
  )
}

async function fill(node: Running): Promise<void> {
  const begin = performance.now()
  await node.ask(async (client) => {
    const small = [...Array(KEYS).keys()].filter((i) => i % LARGE !== 0)
    for (let at = 0; at < small.length; at += 1000) {
      const items = small.slice(at, at + 1000).map((i) => ({ name: nameOf(i), value: valueOf(i) }))
      const outcomes = await client.putNamed(items)
      assert.equal(outcomes.length, items.length)
      for (const outcome of outcomes) assert.ok(!('problem' in outcome))
    }
    await eachLarge(async (i) => {
      const value = valueOf(i)
      await client.putBytes(piecesOf(value), value.byteLength, { name: nameOf(i) })
    })
  })
  say(`stored in ${seconds(begin)} s`)
}

async function restored(drill: Drill, after: string, mostMs: number): Promise<Running> {
  const begin = performance.now()
  const node = await drill.start(drill.machine(), '--take-over').ready(mostMs)
  await node.ask((client) => check(client, 0))
  const ms = performance.now() - begin
  say(`the first value after ${after}: ${seconds(begin)} s`)
  assert.ok(ms < mostMs, `${ms} ms`)
  const all = performance.now()
  await node.ask(async (client) => {
    for (let i = 0; i < KEYS; i++) if (i % LARGE !== 0) await check(client, i)
    await eachLarge((i) => check(client, i))
  })
  say(`every value was read in ${seconds(all)} s`)
  return node
}

async function check(client: Client, i: number): Promise<void> {
  const { bytes } = await client.get(nameOf(i))
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(piece)
  assert.ok(valueOf(i).equals(Buffer.concat(pieces)), nameOf(i))
}

async function eachLarge(act: (i: number) => Promise<void>): Promise<void> {
  const left = [...Array(Math.ceil(KEYS / LARGE)).keys()].map((i) => i * LARGE)
  const work = async (): Promise<void> => {
    for (let i = left.pop(); i !== undefined; i = left.pop()) await act(i)
  }
  await Promise.all(Array.from({ length: AHEAD }, work))
}

async function* piecesOf(value: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < value.byteLength; at += MIB) yield value.subarray(at, at + MIB)
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1)
