/** Handlers for names (specs/007, "HTTP API"; R007-32, R007-290 to 292). */
import { DstoreError } from '../../errors.ts'
import { parseKey } from '../../hash/key.ts'
import { noSuch } from '../../node/calls/no-such.ts'
import { hintAtKey } from '../../node/calls/resolve-key.ts'
import { moveTag } from '../../node/calls/names/move-tag.ts'
import type { BoundName, TagResult } from '../../node/node.ts'
import type { MovedAnswer, NameAnswer, TargetLine, UnbindAnswer } from '../api/api.ts'
import { callOptions, readJson, sendJson, withBeatIfWanted, withHeartbeat } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './json-lines.ts'
import { termsIn } from './names/naming-in.ts'

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

/**
 * PUT /v1/names/{name} {"key", "kind", "expires", "keep"}: binds a fixed name; repeating it with
 * that key succeeds. With the kind `tag` it binds a tag, or moves it.
 */
export async function putName(call: HttpCall): Promise<void> {
  const { key: text, kind, expires, keep, ...others } = await readJson(call)
  const [other] = Object.keys(others)
  // A misspelled `expires` must not bind the name for good.
  if (other !== undefined) throw new DstoreError('usage', `a name has no ${other}`)
  if (typeof text !== 'string') throw new DstoreError('usage', 'key must be a key')
  const options = { ...callOptions(call), ...termsIn({ kind, expires, keep }) }
  const { index } = call.node
  const [name, key] = [nameParam(call), parseKey(text)]
  if (kind === 'tag') sendJson(call, 200, movedAnswer(await moveTag(index, name, key, options)))
  else {
    // Global verifies the whole value for a name that spells a digest (specs/004, R004-165).
    const bind = (): Promise<BoundName> => index.bind(name, key, options)
    sendJson(call, 200, answerOf(await withBeatIfWanted(call, bind)))
  }
}

/** GET /v1/names/{name}/history: a line for each of the last targets of a tag, the newest first. */
export function getHistory(call: HttpCall): Promise<void> {
  return sendLines(call, historyOf(call))
}

async function* historyOf(call: HttpCall): AsyncGenerator<TargetLine> {
  const targets = await call.node.index.tagHistory(nameParam(call), callOptions(call))
  for (const { key, at } of targets) yield { key: key.toString(), ...(at !== undefined && { at }) }
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

function movedAnswer({ key, previous, previousKeptUntil, ...rest }: TagResult): MovedAnswer {
  return {
    ...rest,
    kind: 'tag',
    key: key.toString(),
    ...(previous !== undefined && { previous: previous.toString() }),
    ...(previousKeptUntil !== undefined && { previousKeptUntil }),
  }
}

const answerOf = ({ key, ...rest }: BoundName): NameAnswer => ({ ...rest, key: key.toString() })
