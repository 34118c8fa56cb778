/** Handlers for names (specs/007, "HTTP API"; R007-32). */
import { DstoreError } from '../../errors.ts'
import { parseKey } from '../../hash/key.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import { hintAtKey } from '../../node/calls/resolve-key.ts'
import type { BoundName } from '../../node/node.ts'
import type { NameAnswer, UnbindAnswer } from '../api/api.ts'
import { callOptions, readJson, sendJson, withHeartbeat } from './call.ts'
import type { HttpCall } from './call.ts'

/** GET /v1/names/{name}; with `?fresh=1` a Local asks Global. */
export async function getName(call: HttpCall): Promise<void> {
  const name = nameParam(call)
  const fresh = call.query.get('fresh') === '1'
  const found = await call.node.index.lookup(name, {
    ...callOptions(call),
    ...(fresh && { fresh }),
  })
  if (found === undefined) throw await noSuch('name', name, call.node, hintAtKey(name))
  sendJson(call, 200, answerOf(found))
}

/** PUT /v1/names/{name} {"key"}: binds the name for good; repeating it with that key succeeds. */
export async function putName(call: HttpCall): Promise<void> {
  const { key } = await readJson(call)
  if (typeof key !== 'string') throw new DstoreError('usage', 'key must be a key')
  const bound = await call.node.index.bind(nameParam(call), parseKey(key), callOptions(call))
  sendJson(call, 200, answerOf(bound))
}

/** DELETE /v1/names/{name}: removes the value with its last name, unless `?keep=1`. */
export async function removeName(call: HttpCall): Promise<void> {
  const options = { ...callOptions(call), keepValue: call.query.get('keep') === '1' }
  const { key, ...rest } = await withHeartbeat(call, () =>
    call.node.index.unbind(nameParam(call), options),
  )
  const answer: UnbindAnswer = { ...rest, ...(key && { key: key.toString() }) }
  sendJson(call, 200, answer)
}

/** The name in the path, decoded. The node checks that it is a valid one. */
const nameParam = ({ parameters }: HttpCall): string => parameters['name'] ?? ''

const answerOf = ({ key, ...rest }: BoundName): NameAnswer => ({ ...rest, key: key.toString() })
