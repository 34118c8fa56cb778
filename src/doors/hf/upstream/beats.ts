/** Keeps clients waiting while the upstream is asked (specs/010-doors.md, R010-79). */
import { HttpError } from '../../../daemon/http/http-error.ts'
import { withBeatIfWanted, withHeartbeat } from '../../../daemon/http/call.ts'
import type { DoorCall } from '../../../daemon/http/doors/door.ts'
import { BEAT_HEADER } from '../../../daemon/api/api.ts'
import { HF_PATIENCE_MS } from '../../../limits.ts'

/**
 * Awaits work that may take longer than clients wait in silence. Hugging Face's Python client gives
 * up after 10 s without a byte, whichever library it stands on; they all read any number of `100
 * Continue`, and some take 102 for the response. Other clients wait for `patienceMs`: some of them
 * take an unexpected 100 for a fault.
 */
export async function withBeats<T>(
  call: DoorCall,
  work: () => Promise<T>,
  patienceMs: number = HF_PATIENCE_MS,
): Promise<T> {
  const { request, response } = call
  if (request.headers[BEAT_HEADER] === '102') return withBeatIfWanted(call, work)
  if (request.httpVersion === '1.0' || !isPython(request.headers['user-agent'])) {
    return inPatience(work(), patienceMs)
  }
  return withHeartbeat(call, work, () => response.writeContinue())
}

const isPython = (agent: string | undefined): boolean => /\bhf_hub\//.test(agent ?? '')

async function inPatience<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = 'the upstream has not sent all of it yet: ask again'
      reject(new HttpError(503, message, { 'Retry-After': '10' }, 'busy'))
    }, ms)
  })
  try {
    return await Promise.race([work, patience])
  } finally {
    clearTimeout(timer)
  }
}
