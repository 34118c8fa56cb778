/** The thread that verifies groups; verify-thread.ts is its other side. */
import { parentPort } from 'node:worker_threads'
import { activeEngine } from '../../hash/engine/active-engine.ts'
import { wrongGroup } from '../../hash/proof/group-check.ts'
import type { VerifyJob, VerifyReport } from './verify-thread.ts'

const port = parentPort
if (port === null) throw new TypeError('this module must run as a worker of verify-thread')

port.on('message', ({ id, memory, at, length, ...groups }: VerifyJob) => {
  const bytes = new Uint8Array(memory, at, length)
  const wrong = wrongGroup(bytes, groups, activeEngine())
  port.postMessage({ id, memory, wrong } satisfies VerifyReport, [memory])
})
