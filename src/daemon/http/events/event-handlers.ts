/** Handlers of what happens at this moment (specs/013-page.md). */
import { once } from 'node:events'
import { DstoreError } from '../../../errors.ts'
import { suffices } from '../../../membership/role.ts'
import type { CancelledTransferAnswer } from '../../api/api.ts'
import { problemOf } from '../../api/problem.ts'
import { sendJson, type HttpCall } from '../call.ts'
import { beginEvents, withBeats } from './event-stream.ts'

/** GET /v1/events: what there is, and then what changes, until the client leaves (R013-20). */
export async function watchEvents(call: HttpCall): Promise<void> {
  const { response, events, caller, stopping } = call
  const signal = AbortSignal.any([call.signal, stopping])
  const leave = await events.join({
    seesMembers: suffices(caller.role, 'admin'),
    isBehind: () => response.writableNeedDrain,
    send: (event) => {
      if (!response.headersSent) beginEvents(response)
      response.write(event)
    },
  })
  try {
    await withBeats(response, async () => {
      if (!signal.aborted) await once(signal, 'abort')
    })
  } finally {
    leave()
  }
  if (call.signal.aborted) return
  const problem = JSON.stringify(problemOf(stopping.reason))
  response.end(`event: failed\ndata: ${problem}\n\n`)
}

/** GET /v1/transfers (R013-30) */
export async function listTransfers(call: HttpCall): Promise<void> {
  sendJson(call, 200, call.node.activity?.transfers() ?? { active: 0, transfers: [] })
}

/** DELETE /v1/transfers/{transfer} (R013-31) */
export async function cancelTransfer(call: HttpCall): Promise<void> {
  const id = call.parameters['transfer'] ?? ''
  if (call.node.activity?.cancelTransfer(id) !== true) {
    throw new DstoreError('not-found', `no such transfer: ${id}`)
  }
  const answer: CancelledTransferAnswer = { id }
  sendJson(call, 200, answer)
}
