/** A slow reader in one process, a fast writer in another. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from '../serial.ts'
import { ALLOWED, type Report } from './slow-stream.ts'

const MIB = 1 << 20
const SCRIPT = fileURLToPath(new URL('slow-stream.js', import.meta.url))

/** Sends this much, which must exceed by far what the two may hold. */
export function slowReader(totalMib: number): void {
  test(`a slow reader of ${totalMib} MiB holds up the writer, and neither buffers more than the bounds`, async (t) => {
    const start = (role: string, address = ''): ChildProcess =>
      fork(SCRIPT, [role, String(totalMib), address], { execArgv: ['--expose-gc'] })
    const reader = start('read')
    const [address] = (await once(reader, 'message')) as [string]
    const writer = start('write', address)
    const [[read], [written]] = (await Promise.all([
      once(reader, 'message'),
      once(writer, 'message'),
    ])) as [[Report], [Report]]
    t.log(`reader: ${JSON.stringify(read)}`)
    t.log(`writer: ${JSON.stringify(written)}`)
    t.is(read.bytes, totalMib * MIB)
    t.is(written.bytes, totalMib * MIB)
    t.true(read.pauses >= 10)
    t.true(read.peakBytes < ALLOWED, `the reader held ${read.peakBytes}`)
    t.true(written.peakBytes < ALLOWED, `the writer held ${written.peakBytes}`)
  })
}
