/** Values: stored from every source, read in every way. Part of the library's conformance suite. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { Dstore, Key, Progress, Source } from '../../src/dstore.ts'
import { sameBytes } from '../same-bytes.ts'
import { SIZES, all, inPieces, sample, temporaryFile } from './conformance-samples.ts'
import type { Topic } from './conformance-samples.ts'

export function valueTopics(topic: Topic, role: Dstore['role']): void {
  topic('a value from every kind of source is stored and read back', async (t, dstore) => {
    t.is(dstore.role, role)
    for (const size of SIZES) {
      const bytes = sample(size)
      const sources: Record<string, Source> = {
        bytes,
        blob: new Blob([bytes]),
        'web stream': new Response(bytes).body!,
        generator: inPieces(bytes),
        readable: Readable.from(inPieces(bytes)),
        file: { path: await temporaryFile(t, bytes) },
      }
      const keys = new Set<string>()
      for (const [kind, source] of Object.entries(sources)) {
        const put = await dstore.put(source)
        t.is(put.size, size, kind)
        t.is(put.existed, keys.size > 0, kind)
        keys.add(put.key.toString())
      }
      t.is(keys.size, 1)
      const [key] = [...keys] as [string]
      sameBytes(t, await (await dstore.get(key)).bytes(), bytes)
    }
    const bytes = sample(5000)
    const part = createReadStream(await temporaryFile(t, bytes), { start: 1000 })
    const { key: ofPart } = await dstore.put(part)
    sameBytes(t, await (await dstore.get(ofPart)).bytes(), bytes.slice(1000))
    const { key } = await dstore.put('tschüß')
    t.is(await (await dstore.get(key)).text(), 'tschüß')
  })

  topic('a value is read in every way, once', async (t, dstore) => {
    const bytes = sample(300_000)
    const { key } = await dstore.put(bytes)
    const ways: ((word: Key | string) => Promise<Uint8Array>)[] = [
      async (word) => (await dstore.get(word)).bytes(),
      async (word) => Buffer.concat(await all(await dstore.get(word))),
      async (word) =>
        new Uint8Array(await new Response((await dstore.get(word)).stream()).arrayBuffer()),
    ]
    for (const read of ways) {
      for (const word of [key, key.toString(), key.toHex()]) {
        t.true(Buffer.from(bytes).equals(await read(word)))
      }
    }
    const value = await dstore.get(key)
    t.deepEqual([value.key.toString(), value.size], [key.toString(), bytes.byteLength])
    await value.bytes()
    await t.throwsAsync(value.bytes(), { instanceOf: TypeError })
    await t.throwsAsync(value.text(), { instanceOf: TypeError })
  })

  topic('a reader may leave a value at any time', async (t, dstore) => {
    const bytes = sample(2_000_000)
    const { key } = await dstore.put(bytes)
    for (let round = 0; round < 20; round++) await (await dstore.get(key)).cancel()
    for await (const piece of await dstore.get(key)) {
      t.true(piece.byteLength > 0)
      break
    }
    const stream = (await dstore.get(key)).stream()
    const reader = stream.getReader()
    t.false((await reader.read()).done)
    await reader.cancel()
    t.is((await (await dstore.get(key)).bytes()).byteLength, bytes.byteLength)
  })

  topic('ranges are as in HTTP, with exclusive ends', async (t, dstore) => {
    const bytes = sample(100_000)
    const { key } = await dstore.put(bytes)
    const ranges = [
      [{ start: 0, end: 1 }, 0, 1],
      [{ start: 99_999 }, 99_999, 100_000],
      [{ start: 5, end: 70_000 }, 5, 70_000],
      [{ start: 50_000, end: 1e9 }, 50_000, 100_000],
      [{ last: 17 }, 99_983, 100_000],
      [{ last: 1e9 }, 0, 100_000],
    ] as const
    for (const [range, start, end] of ranges) {
      const value = await dstore.get(key, { range })
      t.deepEqual([value.range, value.size], [{ start, end }, 100_000])
      sameBytes(t, await value.bytes(), bytes.slice(start, end))
    }
    await t.throwsAsync(dstore.get(key, { range: { start: 100_000 } }), { code: 'range' })
    await t.throwsAsync(dstore.get(key, { range: { last: 0 } }), { code: 'range' })
    const reversed = { range: { start: 2, end: 1 } }
    await t.throwsAsync(dstore.get(key, reversed), { code: 'malformed-range' })
  })

  topic('an error of a source reaches the program unchanged', async (t, dstore) => {
    const mine = new Error('the tape broke')
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield sample(100_000)
      throw mine
    }
    t.is(await t.throwsAsync(dstore.put(broken())), mine)
    const texts = Readable.from(['text'], { encoding: 'utf8' }) as unknown as Source
    await t.throwsAsync(dstore.put(texts), { instanceOf: TypeError })
    const missing = { path: '/does/not/exist' }
    await t.throwsAsync(dstore.put(missing), { code: 'unreadable' })
    t.deepEqual(await all(dstore.keys()), [])
  })

  topic('progress grows, in bytes, to the end', async (t, dstore) => {
    const bytes = sample(4_000_000)
    const told: Progress[] = []
    const onProgress = (progress: Progress): void => void told.push(progress)
    const { key } = await dstore.put(inPieces(bytes), { onProgress })
    t.true(told.length > 1)
    t.is(told.at(-1)!.doneBytes, bytes.byteLength)
    told.length = 0
    await (await dstore.get(key, { onProgress })).bytes()
    t.is(told.at(-1)!.doneBytes, bytes.byteLength)
    for (const [index, { phase, doneBytes, totalBytes }] of told.entries()) {
      t.is(phase, 'fetch')
      t.is(totalBytes, bytes.byteLength)
      t.true(doneBytes > (told[index - 1]?.doneBytes ?? 0))
    }
  })
}
