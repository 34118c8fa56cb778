/** `dstore rule`: sets, lists and removes the rules of prefixes (R007-299). */
import type { RuleBounds, RuleState } from '../../../src/node/node.ts'
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../src/daemon/config/quantities.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Invocation } from '../../command.ts'
import { forEachArgument } from '../../exit-code.ts'
import type { Flags } from '../../flags.ts'
import { useDaemon } from '../../session.ts'
import { plural } from '../../terminal/terminal.ts'
import { agoText } from '../../wording.ts'

export async function rule(invocation: Invocation): Promise<number> {
  const [action = 'ls', ...rest] = invocation.positionals
  const { unnamed = false } = invocation.flags
  const bounds = boundsIn(invocation.flags)
  const isBare = Object.keys(bounds).length === 0
  if (action === 'set') {
    if (rest.length !== (unnamed ? 0 : 1)) {
      throw new DstoreError('usage', 'rule set takes one prefix, or --unnamed', {
        hint: 'for all names the prefix is empty: dstore rule set "" --max-size 100GiB',
      })
    }
    return set(invocation, unnamed ? undefined : rest[0]!, bounds)
  }
  if (!isBare) throw new DstoreError('usage', `bounds are for \`dstore rule set\`, not ${action}`)
  if (action === 'ls' && rest.length === 0 && !unnamed) return list(invocation)
  if (action === 'rm' && rest.length > 0 !== unnamed) return remove(invocation, rest)
  throw new DstoreError('usage', 'rule takes set PREFIX, ls, or rm PREFIX...', {
    hint: 'see `dstore rule --help`',
  })
}

function boundsIn(flags: Flags): RuleBounds {
  const { 'max-size': size, 'max-names': names, 'max-age': age, unused } = flags
  return {
    ...(size !== undefined && { maxSize: atLeastOne('--max-size', parseSize(size)) }),
    ...(names !== undefined && { maxNames: parseCount(names) }),
    ...(age !== undefined && { maxAgeMs: parseDuration(age) }),
    ...(unused !== undefined && { unusedMs: parseDuration(unused) }),
  }
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new DstoreError('usage', `not a number of names: ${text}`)
  return atLeastOne('--max-names', Number(text))
}

function atLeastOne(flag: string, value: number): number {
  if (value >= 1) return value
  throw new DstoreError('usage', `${flag} is at least 1`, {
    hint: 'to remove what a prefix has: dstore ls PREFIX | xargs dstore rm',
  })
}

async function set(
  invocation: Invocation,
  prefix: string | undefined,
  bounds: RuleBounds,
): Promise<number> {
  const { terminal } = invocation
  const given = Object.keys(bounds)
  if (given.length === 0) {
    throw new DstoreError('usage', 'a rule has at least one bound', {
      hint: 'give --max-size, --max-names, --max-age or --unused',
    })
  }
  if (prefix === undefined && (bounds.unusedMs === undefined || given.length > 1)) {
    throw new DstoreError('usage', 'rule set --unnamed takes --unused, and no other bound')
  }
  const client = await useDaemon(invocation)
  const state = await client.rules.set(prefix, bounds)
  if (terminal.json) await terminal.print(JSON.stringify(state))
  terminal.note(`${whose(prefix)}: ${boundsText(state)}; \`dstore rule ls\` shows what it holds`)
  return 0
}

async function list(invocation: Invocation): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  let isEmpty = true
  for await (const state of client.rules.list()) {
    isEmpty = false
    await terminal.printFact(state, ruleText(state, terminal.now))
  }
  if (isEmpty && !terminal.json) terminal.note('no rules: names stay until they are unbound')
  return 0
}

/** Without a prefix: the rule for values without a name. */
async function remove(invocation: Invocation, prefixes: readonly string[]): Promise<number> {
  const { terminal } = invocation
  const client = await useDaemon(invocation)
  const words = prefixes.length === 0 ? [undefined] : prefixes
  return forEachArgument(
    words.map((prefix) => prefix ?? '--unnamed'),
    terminal,
    async (_, index) => {
      const removed = await client.rules.remove(words[index])
      if (terminal.json) await terminal.print(JSON.stringify(removed))
      else terminal.note(`removed the rule for ${whose(words[index])}; what it bounded stays`)
    },
  )
}

function whose(prefix: string | undefined): string {
  if (prefix === undefined) return 'values without a name'
  return prefix === '' ? 'all names' : prefix
}

/** `max-size 50GiB, unused 7d`. */
function boundsText({ maxSize, maxNames, maxAgeMs, unusedMs }: RuleBounds): string {
  return [
    ...(maxSize === undefined ? [] : [`max-size ${formatSize(maxSize)}`]),
    ...(maxNames === undefined ? [] : [`max-names ${maxNames}`]),
    ...(maxAgeMs === undefined ? [] : [`max-age ${formatDuration(maxAgeMs)}`]),
    ...(unusedMs === undefined ? [] : [`unused ${formatDuration(unusedMs)}`]),
  ].join(', ')
}

/** `3 names (12MiB, of which 1MiB is held otherwise)`; fewer while they are being counted. */
function heldText({ prefix, names, size, heldOtherwise = 0, counting }: RuleState): string {
  const others =
    heldOtherwise === 0 ? '' : `, of which ${formatSize(heldOtherwise)} is held otherwise`
  const count = plural(names, prefix === undefined ? 'value' : 'name')
  return `${count} (${formatSize(size)}${others})${counting ? ' so far, still counting' : ''}`
}

/** `cache/  max-size 50GiB, unused 7d  holds 3 names (12MiB)  removed 9, last 2026-...`. */
function ruleText(state: RuleState, now: number | undefined): string {
  const { prefix, removed, lastRemovedAt } = state
  const last = lastRemovedAt === undefined ? '' : `, last ${agoText(lastRemovedAt, now)}`
  const of = prefix === undefined ? '(unnamed)' : prefix === '' ? '(all)' : prefix
  return `${of.padEnd(12)}  ${boundsText(state)}  holds ${heldText(state)}  removed ${removed}${last}`
}
