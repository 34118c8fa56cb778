/** Handlers for pins (specs/007, "Pins"). */
import { DstoreError } from '../../../errors.ts'
import type { NodePins } from '../../../node/node.ts'
import type { UnpinnedAnswer } from '../../api/api.ts'
import { callOptions, sendJson, type HttpCall } from '../call.ts'
import { sendEvents, sendLines } from '../json-lines.ts'
import { rateIn } from './rate-in.ts'

/** GET /v1/pins: a line for each pin. */
export function listPins(call: HttpCall): Promise<void> {
  return sendLines(call, pinsOf(call).pins({ signal: call.signal }))
}

/** GET /v1/pins/{word} */
export async function getPin(call: HttpCall): Promise<void> {
  sendJson(call, 200, await pinsOf(call).find(wordIn(call)))
}

/** PUT /v1/pins/{word}?max-rate=BYTES: events; the result is the pin, when all of it is held. */
export function putPin(call: HttpCall): Promise<void> {
  const pins = pinsOf(call)
  const options = { ...callOptions(call), ...rateIn(call) }
  return sendEvents(call, (onProgress) => pins.pin(wordIn(call), { ...options, onProgress }))
}

/** DELETE /v1/pins/{word} */
export async function deletePin(call: HttpCall): Promise<void> {
  const word = await pinsOf(call).unpin(wordIn(call), { signal: call.signal })
  const answer: UnpinnedAnswer = { word }
  sendJson(call, 200, answer)
}

const wordIn = ({ parameters }: HttpCall): string => parameters['word'] ?? ''

/** Throws `usage` at a Global and a standalone node, which keep every value. */
function pinsOf({ node }: HttpCall): NodePins {
  if (node.pins !== undefined) return node.pins
  throw new DstoreError('usage', `a ${node.role} node keeps every value: it has no pins`, {
    hint: 'pin at a Local, which has a cache',
  })
}
