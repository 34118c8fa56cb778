/**
 * How fast the disk store takes values in, gives them out and opens, beside what the same machine
 * does without it in the same run. `node dist/bench/store.js [MILLIONS]`; figures are in
 * bench/README.md.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIB, PIECE_BYTES } from '../src/limits.ts'
import { openDiskStore } from '../src/store/disk/disk.ts'
import type { Location, Store } from '../src/store/store.ts'

const SMALL_BYTES = 100
const SMALL_PUTS = 20_000
const LARGE_BYTES = 256 * MIB
const ROUNDS = 3

const millions = Number(process.argv[2] ?? 0.1)
const directory = await mkdtemp(join(tmpdir(), 'dstore-bench-'))

/** Seconds that it takes. */
async function time(act: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await act()
  return (performance.now() - begin) / 1000
}

const report = (line: string): void => void process.stdout.write(`${line}\n`)

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!

/** `count` acts, so many of them at once. */
async function pipelined(
  count: number,
  inFlight: number,
  act: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

const digest = (i: number): Uint8Array => {
  const id = Buffer.alloc(32)
  // Spread as digests are.
  id.writeUInt32BE(Math.imul(i + 1, 0x9e37_79b1) >>> 0)
  id.writeUInt32BE(i, 4)
  return id
}

async function putSmall(store: Store, i: number): Promise<void> {
  const staging = await store.stage(SMALL_BYTES)
  await staging.write(Buffer.alloc(SMALL_BYTES, i))
  const location = await staging.seal(new Uint8Array(0))
  const key = { table: 'keys', id: digest(i) } as const
  await store.commit({
    conditions: [{ key, version: 0 }],
    writes: [{ key, value: Buffer.from(location) }],
    entry: digest(i),
    adopt: [location],
  })
}

async function putLarge(store: Store, bytes: Uint8Array): Promise<Location> {
  const staging = await store.stage(bytes.byteLength)
  for (let offset = 0; offset < bytes.byteLength; offset += PIECE_BYTES) {
    await staging.write(bytes.subarray(offset, offset + PIECE_BYTES))
  }
  const location = await staging.seal(new Uint8Array(LARGE_BYTES / 256))
  await store.commit({
    conditions: [],
    writes: [],
    entry: new Uint8Array(32),
    adopt: [location],
  })
  return location
}

async function small(): Promise<void> {
  for (const inFlight of [1, 16, 256]) {
    const count = inFlight === 1 ? SMALL_PUTS / 20 : SMALL_PUTS
    const path = join(directory, `small-${inFlight}`)
    const store = await openDiskStore({ directory: path })
    const ours = count / (await time(() => pipelined(count, inFlight, (i) => putSmall(store, i))))
    await store.close()
    const files = SMALL_PUTS / 20
    const plain =
      files /
      (await time(() =>
        pipelined(files, inFlight, async (i) => {
          const file = await open(join(path, `plain-${i}`), 'wx')
          await file.write(Buffer.alloc(SMALL_BYTES, i))
          await file.sync()
          await file.close()
        }),
      ))
    report(
      `small, ${inFlight} at once: ${ours.toFixed(0)} puts/s, ` +
        `a file with fsync each: ${plain.toFixed(0)}/s, ratio ${(ours / plain).toFixed(1)}`,
    )
  }
}

async function large(): Promise<void> {
  const bytes = Buffer.alloc(LARGE_BYTES, 'not all the same, and not too short')
  const source = join(directory, 'source')
  await writeFile(source, bytes)
  const store = await openDiskStore({ directory: join(directory, 'large') })
  const [puts, copies, reads, plainReads]: number[][] = [[], [], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const copy = join(directory, `copy-${round}`)
    copies!.push(
      await time(async () => {
        execFileSync('cp', [source, copy])
        execFileSync('sync', [copy])
      }),
    )
    let location: Location = ''
    puts!.push(
      await time(async () => {
        location = await putLarge(store, bytes)
      }),
    )
    reads!.push(
      await time(async () => {
        for await (const piece of store.read(location, { start: 0, end: LARGE_BYTES })) void piece
      }),
    )
    plainReads!.push(await time(async () => void (await readFile(source))))
    await rm(copy)
  }
  await store.close()
  const rate = (seconds: readonly number[]): number => LARGE_BYTES / MIB / median(seconds)
  const [put, copy, read, plain] = [puts!, copies!, reads!, plainReads!].map(rate)
  report(
    `large: put ${put!.toFixed(0)} MiB/s, cp and sync ${copy!.toFixed(0)} MiB/s, ` +
      `ratio ${(put! / copy!).toFixed(2)}`,
  )
  report(
    `large: read ${read!.toFixed(0)} MiB/s, readFile ${plain!.toFixed(0)} MiB/s, ` +
      `ratio ${(read! / plain!).toFixed(2)}`,
  )
}

async function many(count: number): Promise<void> {
  const path = join(directory, 'many')
  const store = await openDiskStore({ directory: path })
  const seconds = await time(() => pipelined(count, 1024, (i) => putSmall(store, i)))
  const anonymous = await readFile('/proc/self/status', 'utf8')
  await store.close()
  const { size } = await stat(join(path, 'store-v3', 'records', 'data.mdb'))
  const opening = await time(async () => {
    await (await openDiskStore({ directory: path })).close()
  })
  report(
    `${count} values: ${(count / seconds).toFixed(0)} puts/s, ${(size / count).toFixed(0)} bytes ` +
      `on disk each, opened in ${(opening * 1000).toFixed(0)} ms`,
  )
  report(`memory then: ${/RssAnon:\s+(.*)/.exec(anonymous)?.[1] ?? 'unknown'} (anonymous)`)
}

try {
  // First, so that what it holds in memory is its own.
  await many(millions * 1_000_000)
  await small()
  await large()
} finally {
  await rm(directory, { recursive: true })
}
