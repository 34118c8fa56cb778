/** POST /v1/verify: read back everything that the node keeps (specs/007, "HTTP API"). */
import { PROGRESS_MS } from '../../limits.ts'
import type { Verification } from '../../node/node.ts'
import { LINES_TYPE, type VerifyLine } from '../api/api.ts'
import type { HttpCall } from './call.ts'
import { sendBytes } from './stream.ts'

export async function verify(exchange: HttpCall): Promise<void> {
  const { served, query, signal } = exchange
  const repair = query.get('repair') === '1'
  await sendBytes(exchange, {
    status: 200,
    headers: { 'Content-Type': LINES_TYPE },
    bytes: lines(served.node.verify({ signal, repair })),
  })
}

async function* lines(verification: AsyncIterable<Verification>): AsyncGenerator<Uint8Array> {
  let reportedAt = -Infinity
  for await (const one of verification) {
    if (one.type === 'progress') {
      const now = performance.now()
      if (now - reportedAt < PROGRESS_MS) continue
      reportedAt = now
    }
    yield Buffer.from(`${JSON.stringify(lineOf(one))}\n`)
  }
}

function lineOf(one: Verification): VerifyLine {
  const { type: event, ...facts } = one
  return 'key' in facts
    ? { event: 'damaged', ...facts, key: facts.key.toString() }
    : ({ event, ...facts } as VerifyLine)
}
