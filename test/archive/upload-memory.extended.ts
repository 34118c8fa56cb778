/** The memory of an upload of unknown size, and how fast ranges are read beside the raw client. */
import { BucketValues } from '../../src/archive/values/bucket-values.ts'
import { GIB, MIB } from '../../src/limits.ts'
import { PREFIX, withBucket } from '../bucket/opened.ts'
import { test } from '../serial.ts'

const FILE = '00000001000000000002'

test('R011-8: 1 GiB of unknown size is uploaded in at most 250 MiB', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.state.keepsBytes = false
    const values = new BucketValues({ objects, isComplete: true, settled: async () => undefined })
    values.begin(1)
    const source = { read: async () => undefined, close: async () => undefined }
    const upload = values.upload(FILE, async () => source, undefined)
    let most = 0
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20)
    for (let at = 0; at <= GIB; at += MIB) upload.grow(at)
    await upload.complete(GIB, new Uint8Array(4 * MIB))
    clearInterval(timer)
    const sent = stub.log.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
    t.true(sent >= GIB + 4 * MIB)
    t.log(`${Math.round(most / MIB)} MiB, with the server in the same process`)
    t.true(most <= 250 * MIB, `${Math.round(most / MIB)} MiB`)
    await values.close()
  })
})

test('R011-13: ranges of 1 MiB take at most twice as long as one request of the client', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.objects.set(`${PREFIX}v/00000001/000000000002`, Buffer.alloc(64 * MIB))
    const values = new BucketValues({ objects, isComplete: true, settled: async () => undefined })
    const starts = [...Array(60).keys()].map((n) => n * MIB)
    const raw = async (start: number): Promise<void> => {
      await objects.get('v/00000001/000000000002', { range: { start, end: start + MIB } })
    }
    const read = async (start: number): Promise<void> => {
      for await (const piece of values.read(FILE, { start, end: start + MIB })) void piece
    }
    const took = async (run: (start: number) => Promise<void>, start: number): Promise<number> => {
      const begun = performance.now()
      await run(start)
      return performance.now() - begun
    }
    const [raws, reads]: [number[], number[]] = [[], []]
    for (const start of starts) {
      raws.push(await took(raw, start))
      reads.push(await took(read, start))
    }
    const median = (times: number[]): number => times.toSorted((a, b) => a - b)[30]!
    t.log(`client ${median(raws).toFixed(1)} ms, reader ${median(reads).toFixed(1)} ms`)
    t.true(median(reads) <= 2 * median(raws))
    await values.close()
  })
})
