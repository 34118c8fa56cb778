/** Handlers for the rules of prefixes (specs/007, R007-293; specs/004, "Rules: lifecycle"). */
import { DstoreError } from '../../../errors.ts'
import type { RuleBounds, RuleState } from '../../../node/node.ts'
import type { RemovedRuleAnswer } from '../../api/api.ts'
import { callOptions, readJson, sendJson, type HttpCall } from '../call.ts'
import { sendLines } from '../json-lines.ts'

/** GET /v1/rules: a line for each rule, with what it holds now. */
export function listRules(call: HttpCall): Promise<void> {
  return sendLines(call, linesOf(call))
}

async function* linesOf(call: HttpCall): AsyncGenerator<RuleState> {
  yield* await call.node.rules.list(callOptions(call))
}

/** GET /v1/rules/{prefix} */
export async function getRule(call: HttpCall): Promise<void> {
  sendJson(call, 200, await ruleOf(call, prefixParam(call)))
}

/** PUT /v1/rules/{prefix} {"maxSize", "maxAgeMs", "unusedMs", "maxNames"}: at least one of them. */
export function setRule(call: HttpCall): Promise<void> {
  return set(call, prefixParam(call))
}

/** DELETE /v1/rules/{prefix}: the names stay. */
export function removeRule(call: HttpCall): Promise<void> {
  return remove(call, prefixParam(call))
}

/** PUT /v1/unnamed-rule {"unusedMs"}: the rule for values without a name. */
export function setUnnamedRule(call: HttpCall): Promise<void> {
  return set(call, undefined)
}

/** DELETE /v1/unnamed-rule */
export function removeUnnamedRule(call: HttpCall): Promise<void> {
  return remove(call, undefined)
}

async function set(call: HttpCall, prefix: string | undefined): Promise<void> {
  const bounds = boundsIn(await readJson(call))
  await call.node.rules.set(prefix, bounds, callOptions(call))
  sendJson(call, 200, await ruleOf(call, prefix))
}

async function remove(call: HttpCall, prefix: string | undefined): Promise<void> {
  await call.node.rules.remove(prefix, callOptions(call))
  const answer: RemovedRuleAnswer = { ...(prefix !== undefined && { prefix }) }
  sendJson(call, 200, answer)
}

async function ruleOf(call: HttpCall, prefix: string | undefined): Promise<RuleState> {
  const all = await call.node.rules.list(callOptions(call))
  const found = all.find((one) => one.prefix === prefix)
  if (found !== undefined) return found
  throw new DstoreError('not-found', `no rule for ${prefix ?? 'values without a name'}`)
}

const BOUNDS: ReadonlySet<string> = new Set(['maxSize', 'maxAgeMs', 'unusedMs', 'maxNames'])

function boundsIn(document: Readonly<Record<string, unknown>>): RuleBounds {
  const bounds = Object.entries(document)
  if (bounds.length === 0) throw new DstoreError('usage', 'a rule has at least one bound')
  for (const [bound, value] of bounds) {
    // A misspelled bound would bound nothing.
    if (!BOUNDS.has(bound)) throw new DstoreError('usage', `a rule has no ${bound}`)
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throw new DstoreError('usage', `${bound} must be a whole number, at least 1`)
    }
  }
  return document
}

/** The prefix in the path, decoded. The node checks that a rule can have it. */
const prefixParam = ({ parameters }: HttpCall): string => parameters['prefix'] ?? ''
