/** Handlers of the API that concern a set (specs/012-set.md, "Rules: commands"). */
import { DstoreError } from '../../../errors.ts'
import type { Serving } from './serving.ts'
import { sendJson, withHeartbeat } from '../call.ts'
import type { HttpCall } from '../call.ts'

/** GET /v1/set */
export async function getSet(call: HttpCall): Promise<void> {
  await call.member?.freshen()
  const { set } = await call.node.status()
  if (set === undefined) throw noSet(call)
  sendJson(call, 200, set)
}

/** POST /v1/set/step-down: leaves the active part to another member. */
export async function stepDown(call: HttpCall): Promise<void> {
  const member = memberOf(call)
  await withHeartbeat(call, () => member.stepDown())
  sendJson(call, 200, (await call.node.status()).set)
}

function memberOf(call: HttpCall): Serving {
  if (call.member !== undefined) return call.member
  throw noSet(call)
}

const noSet = ({ node }: HttpCall): DstoreError =>
  new DstoreError('unsupported', 'this node is not a member of a set', {
    hint:
      node.role === 'local'
        ? 'ask a member; `dstore status` here shows the address of the one that this Local uses'
        : 'start one with --engine and --bucket: see docs/set.md',
  })
