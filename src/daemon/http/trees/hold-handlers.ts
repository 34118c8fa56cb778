/** Handlers that store trees under a hold (specs/007, "HTTP API"; 008, "Rules: holds"). */
import { DstoreError } from '../../../errors.ts'
import { parseKey, type Key } from '../../../hash/key.ts'
import { BATCH_ITEMS } from '../../../limits.ts'
import type { PutOptions, PutResult } from '../../../node/node.ts'
import type { HoldAnswer, MadeLine } from '../../api/api.ts'
import {
  callOptions,
  readJson,
  refuseOthers,
  sendJson,
  withBeatIfWanted,
  type HttpCall,
} from '../call.ts'
import { sendLines } from '../json-lines.ts'
import { namingIn } from '../names/naming-in.ts'

/** POST /v1/holds */
export async function openHold(call: HttpCall): Promise<void> {
  const hold = await call.node.trees.openHold(callOptions(call))
  const answer: HoldAnswer = { hold }
  sendJson(call, 201, answer, { Location: `/v1/holds/${hold}` })
}

/** DELETE /v1/holds/{hold} */
export async function releaseHold(call: HttpCall): Promise<void> {
  const hold = holdParam(call)
  await call.node.trees.releaseHold(hold, callOptions(call))
  const answer: HoldAnswer = { hold }
  sendJson(call, 200, answer)
}

/** POST /v1/holds/{hold}/present {"keys"}: for each `true` if it exists, else `false`. */
export function present(call: HttpCall): Promise<void> {
  return withBeatIfWanted(call, () => sendLines(call, presentLines(call)))
}

async function* presentLines(call: HttpCall): AsyncGenerator<boolean> {
  const keys = await readKeys(call)
  yield* await call.node.trees.present(holdParam(call), keys, callOptions(call))
}

/** POST /v1/holds/{hold}/directories {"keys"}: makes directories of values, a line for each. */
export function makeDirectories(call: HttpCall): Promise<void> {
  return withBeatIfWanted(call, () => sendLines(call, madeLines(call)))
}

async function* madeLines(call: HttpCall): AsyncGenerator<MadeLine> {
  const keys = await readKeys(call)
  const made = await call.node.trees.makeDirectories(holdParam(call), keys, callOptions(call))
  for (const { key, missing } of made) {
    yield { key: key.toString(), missing: missing.map(String) }
  }
}

/** Commits a tree whose directories are made, by `{"key"}`. */
export async function commitRoot(
  call: HttpCall,
  { key, ...others }: Readonly<Record<string, unknown>>,
): Promise<void> {
  refuseOthers(others)
  const { hold, ...naming } = keeperIn(call)
  if (hold === undefined || typeof key !== 'string') {
    throw new DstoreError('usage', 'a tree needs its key, and ?hold= with the hold that keeps it')
  }
  const options = { ...callOptions(call), ...naming }
  const root = parseKey(key)
  const stored = await withBeatIfWanted(call, () => call.node.trees.commitTree(hold, root, options))
  sendTree(call, stored)
}

/** Responds with a tree that was put. */
export function sendTree(call: HttpCall, stored: PutResult): void {
  const status = stored.existed ? 200 : 201
  sendJson(call, status, stored, { Location: `/v1/trees/${stored.key.toString()}` })
}

/** What keeps the values of a request, by `?name=`, with `?tag=` and the like, and `?hold=`. */
export function keeperIn({ query }: HttpCall): Keeper {
  const keeper = keeperOf(query.get('name') ?? undefined, query.get('hold') ?? undefined)
  return { ...keeper, ...namingIn(query, keeper.name) }
}

/** What keeps a value that is put, and how its name is bound. */
type Keeper = Pick<PutOptions, 'name' | 'naming' | 'hold'>

/** The same, out of a JSON document. */
export function keeperOf(name: unknown, hold: unknown): Omit<Keeper, 'naming'> {
  if (name !== undefined && typeof name !== 'string') {
    throw new DstoreError('usage', 'name must be a string')
  }
  if (hold !== undefined && typeof hold !== 'string') {
    throw new DstoreError('usage', 'hold must be a string')
  }
  return { ...(name !== undefined && { name }), ...(hold !== undefined && { hold }) }
}

/** The hold in the path. The node checks that it is one. */
const holdParam = ({ parameters }: HttpCall): string => parameters['hold'] ?? ''

async function readKeys(call: HttpCall): Promise<Key[]> {
  const { keys } = await readJson(call)
  if (!Array.isArray(keys) || !keys.every((key): key is string => typeof key === 'string')) {
    throw new DstoreError('usage', 'keys must be a list of keys')
  }
  if (keys.length > BATCH_ITEMS) {
    throw new DstoreError('too-large', `a request has at most ${BATCH_ITEMS} keys`)
  }
  return keys.map(parseKey)
}
