/** Handlers of the API that concern a set (specs/012-set.md, "Rules: commands"). */
import { DstoreError } from '../../../errors.ts'
import type { Serving } from './serving.ts'
import { sendJson, withHeartbeat } from '../call.ts'
import type { HttpCall } from '../call.ts'

/** GET /v1/set */
export async function getSet(call: HttpCall): Promise<void> {
  const { set } = await call.node.status()
  if (set === undefined) throw noSet()
  sendJson(call, 200, set)
}

/** POST /v1/set/step-down: leaves the active part to another member. */
export async function stepDown(call: HttpCall): Promise<void> {
  const member = memberOf(call)
  await withHeartbeat(call, () => member.stepDown())
  sendJson(call, 200, (await call.node.status()).set)
}

function memberOf({ member }: HttpCall): Serving {
  if (member !== undefined) return member
  throw noSet()
}

const noSet = (): DstoreError =>
  new DstoreError('unsupported', 'this node is not a member of a set', {
    hint: 'start one with --engine and --bucket: see docs/set.md',
  })
