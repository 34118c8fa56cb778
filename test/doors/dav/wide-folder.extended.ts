/** A folder of a million names: what a listing of it takes. */
import { test } from '../../serial.ts'
import { request } from 'node:http'
import type { ExecutionContext } from 'ava'
import { packNames } from '../../../src/index/lists/name-page.ts'
import { BATCH_ITEMS, MIB } from '../../../src/limits.ts'
import { serving } from '../../daemon/serving.ts'

const PAGES = 977

/** Asks for a listing, reading nothing for a while: the bytes, and the most memory beside. */
async function listing(
  t: ExecutionContext,
  method: string,
): Promise<{ readonly bytes: number; readonly grownBytes: number; readonly early: number }> {
  const { daemon, node } = await serving(t, { doors: ['dav'] })
  let pages = 0
  node.namePages = async function* () {
    for (; pages < PAGES; pages++) {
      await Promise.resolve()
      const items = Array.from({ length: BATCH_ITEMS }, (_, i) => ({
        name: `wide/${String(pages * BATCH_ITEMS + i).padStart(8, '0')}.bin`,
        digest: new Uint8Array(32),
        size: 1,
        boundMs: 1e12,
      }))
      yield packNames({ type: 'named', items, more: pages < PAGES - 1 })
    }
  }
  const socketPath = daemon.socket
  const before = process.memoryUsage().rss
  const headers = { host: 'localhost', depth: '1' }
  const sent = request({ socketPath, method, path: '/dav/wide/', headers })
  let [bytes, grownBytes] = [0, 0]
  const early = await new Promise<number>((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (response) => {
      const read = (): void => {
        const readAhead = pages
        response.on('data', (part: Buffer) => {
          bytes += part.byteLength
          grownBytes = Math.max(grownBytes, process.memoryUsage().rss - before)
        })
        response.on('end', () => resolve(readAhead))
      }
      setTimeout(read, 1000)
    })
    sent.end()
  })
  return { bytes, grownBytes, early }
}

for (const method of ['PROPFIND', 'GET']) {
  test(`R010-118 ${method} of a million names is read as it is sent`, async (t) => {
    const { bytes, grownBytes, early } = await listing(t, method)
    t.true(bytes > 50 * MIB, `${bytes} bytes`)
    t.true(early < 20, `${early} pages before the client read`)
    t.true(grownBytes < 128 * MIB, `${grownBytes} bytes more`)
    t.log({ bytes, grownBytes, early })
  })
}
