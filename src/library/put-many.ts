/** Puts of many values by a program (specs/007, R007-347). */
import { DstoreError } from '../errors.ts'
import { INLINE_VALUE_BYTES } from '../limits.ts'
import type { CallOptions, NamedValue, Node, PutOutcome, PutResult } from '../node/node.ts'
import { checkOptions } from './calls.ts'
import type { Dstore, NamedSource } from './dstore.ts'
import { bytesOf } from './source.ts'

export type Put = Dstore['put']

export type Sources = readonly (string | Uint8Array | NamedSource)[]

/**
 * Plain values give results, and the first failure rejects the call; where one of them is a
 * `NamedSource`, each gives an outcome of its own.
 */
export async function putMany(
  node: Pick<Node, 'putMany' | 'putNamed'>,
  put: Put,
  sources: Sources,
  options: CallOptions,
): Promise<PutOutcome[]> {
  const items = Array.from(sources, itemOf)
  return sources.some(isNamed)
    ? putEach(node, put, items, options)
    : putAll(
        node,
        put,
        items.map(({ value }) => value),
        options,
      )
}

async function putAll(
  node: Pick<Node, 'putMany'>,
  put: Put,
  values: readonly Uint8Array[],
  options: CallOptions,
): Promise<PutResult[]> {
  const small = (await node.putMany(values.filter(isSmall), options)).values()
  const results: PutResult[] = []
  for (const value of values) {
    results.push(isSmall(value) ? small.next().value! : await put(value, options))
  }
  return results
}

/** Large values are put one by one, after the small ones. */
async function putEach(
  node: Pick<Node, 'putNamed'>,
  put: Put,
  items: readonly NamedValue[],
  options: CallOptions,
): Promise<PutOutcome[]> {
  const small = items.filter(({ value }) => isSmall(value))
  const stored = (await node.putNamed(small, options)).values()
  const outcomes: PutOutcome[] = []
  for (const { value, ...as } of items) {
    outcomes.push(
      isSmall(value)
        ? stored.next().value!
        : await put(value, { ...options, ...as }).catch(failedAlone),
    )
  }
  return outcomes
}

/** A fault is the outcome of one put; a cancelled call ends as a whole. */
function failedAlone(error: unknown): PutOutcome {
  if (error instanceof DstoreError && error.code !== 'cancelled') return { error }
  throw error
}

const isSmall = ({ byteLength }: Uint8Array): boolean => byteLength <= INLINE_VALUE_BYTES

const isNamed = (source: unknown): source is NamedSource =>
  typeof source === 'object' && source !== null && !(source instanceof Uint8Array)

function itemOf(source: string | Uint8Array | NamedSource): NamedValue {
  if (!isNamed(source)) return { value: bytesOf(source) }
  const { value, name, naming } = source
  if (name !== undefined && typeof name !== 'string') throw new TypeError('name must be a string')
  if (naming !== undefined && name === undefined) throw new TypeError('naming is for a name')
  if (naming !== undefined) checkOptions({ naming })
  return {
    value: bytesOf(value),
    ...(name !== undefined && { name }),
    ...(naming !== undefined && { naming }),
  }
}
