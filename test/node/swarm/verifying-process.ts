/** A process that proves something on another thread, says so, and has nothing more to do. */
import { hash } from '../../../src/hash/hasher.ts'
import { checkerOn, openVerifyWorker } from '../../../src/node/swarm/verify-thread.ts'

const bytes = new Uint8Array(1024)
const { digest } = hash(bytes)
// A thread that is never idle for long enough to be ended.
const checker = checkerOn(openVerifyWorker, 2 ** 31 - 1)
const groups = { start: 0, size: bytes.byteLength, expected: digest }
const proved = await checker.check(bytes, 0, bytes.byteLength, groups)
process.stdout.write(`proved ${proved.byteLength}\n`)
