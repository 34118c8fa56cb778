/**
 * A caller that puts a tree under a hold, as a script: it yields requests, and gets each answer.
 * It sees no clock and no node, so that any of them may stop it between two requests.
 */
import type { Answer, Body, Failure, Request } from '../../../src/index/message.ts'
import type { PresentItem } from '../../../src/index/tree-messages.ts'
import { digestOf } from '../tokens.ts'
import { bytesOf, childrenOf, isDirectory, levelsOf } from './universe.ts'

export type Script = Generator<Request, void, Body>

export interface PutTreeOptions {
  readonly hold: Uint8Array
  readonly root: number
  readonly name: string | undefined
  /** Leave out this step: what a client may do that makes a mistake. */
  readonly skips: (step: Step) => boolean
  /** What becomes of the hold after a failure. */
  readonly onFailure: (failure: Failure) => 'release' | 'leave'
}

export type Step = 'hold' | 'present' | 'send' | 'make' | 'commit'

/** How often a client sends what was missing once more. */
const TRIES = 3

/** Sends a request; undefined is its failure, which `failed` gets. */
type Ask = (request: Request) => Generator<Request, Answer | undefined, Body>

export function* putTree(options: PutTreeOptions): Script {
  const { hold, root, name, skips, onFailure } = options
  let failure: Failure | undefined
  const ask: Ask = function* (request) {
    if (failure !== undefined) return undefined
    const body = yield request
    if (body.type === 'failure') failure = body
    return body.type === 'failure' ? undefined : (body as Answer)
  }
  if (!skips('hold')) yield* ask({ type: 'hold', id: hold, release: false })
  const missing = skips('present') ? everything(root) : yield* findMissing(ask, hold, root)
  if (!skips('send')) yield* send(ask, hold, missing)
  for (const level of levelsOf(root).toReversed()) {
    const made = level.filter((token) => missing.has(token))
    if (made.length > 0 && !skips('make')) yield* make(ask, hold, made)
  }
  if (!skips('commit')) yield* ask({ type: 'commit-tree', hold, digest: digestOf(root), name })
  if (failure !== undefined && onFailure(failure) === 'release') {
    yield { type: 'hold', id: hold, release: true }
  }
}

const everything = (root: number): Set<number> =>
  new Set([...levelsOf(root).flat(), ...levelsOf(root).flat().flatMap(childrenOf)])

/** Descends only into directories that are missing. */
function* findMissing(
  ask: Ask,
  hold: Uint8Array,
  root: number,
): Generator<Request, Set<number>, Body> {
  const missing = new Set<number>()
  for (let level = [root]; level.length > 0;) {
    const items = level.map(itemOf)
    const answer = yield* ask({ type: 'present', hold, items })
    if (answer?.type !== 'present-answer') return missing
    const absent = level.filter((_, i) => answer.present[i] !== true)
    const unseen = absent.flatMap(childrenOf).filter((one) => !missing.has(one))
    for (const token of absent) missing.add(token)
    level = [...new Set(unseen)]
  }
  return missing
}

export const itemOf = (token: number): PresentItem => ({
  digest: digestOf(token),
  directory: isDirectory(token),
})

function* send(ask: Ask, hold: Uint8Array, tokens: Iterable<number>): Script {
  const values = [...tokens].map(bytesOf)
  if (values.length > 0) yield* ask({ type: 'put', values, name: undefined, hold })
}

/** Makes directories none of which is below another; sends what they lack, and asks again. */
function* make(ask: Ask, hold: Uint8Array, tokens: readonly number[]): Script {
  let left = tokens
  for (let tries = 0; tries < TRIES && left.length > 0; tries++) {
    const answer = yield* ask({ type: 'make-directories', hold, digests: left.map(digestOf) })
    if (answer?.type !== 'made-directories') return
    const lacking = new Set(answer.missing.flat().map(({ digest }) => digest[0]!))
    left = left.filter((_, i) => answer.missing[i]!.length > 0)
    if (lacking.size === 0) return
    yield* send(ask, hold, lacking)
    for (const level of [...lacking].filter(isDirectory)) yield* make(ask, hold, [level])
  }
}

/** Runs a script: each answer brings its next request. */
export function drive(
  script: Script,
  ask: (request: Request, then: (body: Body) => void) => void,
): void {
  const step = (next: IteratorResult<Request, void>): void => {
    if (next.done !== true) ask(next.value, (body) => step(script.next(body)))
  }
  step(script.next())
}
