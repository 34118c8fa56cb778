/** `has` and `stat`: what is known of values. */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { FactsAnswer } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { ELSEWHERE } from '../../src/node/calls/no-such.ts'
import { mapConcurrently } from '../archive/map-concurrently.ts'
import type { Run } from '../command.ts'
import { ExitCodes } from '../exit-code.ts'
import { parseReferences, type Reference } from '../input/references.ts'
import { isUnknown, maySpell, spelledKey } from '../input/spelling.ts'
import { bindingLines, bindingOf } from '../many/bound.ts'
import { describe, unknown, type Described } from '../many/facts.ts'
import { IN_FLIGHT } from '../many/in-flight.ts'
import { readReferences } from '../many/list-file.ts'
import { useDaemon } from '../session.ts'
import { factsAt, whyAbsent } from '../tree/facts-at.ts'
import type { MissingEntry } from '../tree/missing.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
import { shownName } from '../wording.ts'

/** What one value's turn prints and ends with, prepared before its turn. */
interface Finding {
  readonly reference: Reference
  readonly facts: FactsAnswer | undefined
  /** Where a value is that the node does not have. */
  readonly hint: string | undefined
  readonly client: Client
  readonly why?: unknown
}

type Report = (finding: Finding, terminal: Terminal) => Promise<number>

/** A command that needs only the facts of its values, which come in few requests (R007-204). */
function onFacts(report: Report, needsHint: (terminal: Terminal) => boolean): Run {
  return async (invocation) => {
    const { terminal } = invocation
    const { texts, types } = await readReferences(invocation)
    const client = await useDaemon(invocation)
    const isOne = texts.length === 1
    const items = isOne ? unknown(texts) : describe(client, texts)
    const codes = new ExitCodes(terminal)
    const find = async ({ text, facts: known }: Described): Promise<Finding> => {
      // If the request for many failed, one for each finds out which argument is to blame.
      const isKnown = known !== undefined && !(known === 'absent' && text.includes('/'))
      const given = types.get(text)!
      const found = await factsOfWord(client, given, isKnown ? known : undefined)
      const { reference, facts, why } = found
      if (facts !== 'absent') return { reference, facts, hint: undefined, client }
      const hint = needsHint(terminal) ? await elsewhere(client, text) : undefined
      return { reference, facts: undefined, hint, client, why }
    }
    const findings = mapConcurrently(items, IN_FLIGHT, async (item) => {
      const finding = await find(item).catch((error: unknown) => ({ error }))
      return { text: item.text, finding }
    })
    for await (const { text, finding } of findings) {
      try {
        if ('error' in finding) throw finding.error
        codes.add(await report(finding, terminal))
      } catch (error) {
        if (asDstoreError(error).code === 'cancelled') throw error
        codes.fail(error, isOne ? undefined : text)
      }
    }
    return codes.common
  }
}

interface WordFacts {
  /** What the text refers to, or the key that it spells. */
  readonly reference: Reference
  readonly facts: FactsAnswer | 'absent'
  /** Why there are none, if it is a short key. */
  readonly why?: unknown
}

async function factsOfWord(
  client: Client,
  given: Reference,
  known: FactsAnswer | 'absent' | undefined,
): Promise<WordFacts> {
  const { text } = given
  let fault: unknown
  try {
    const facts = known ?? (await factsAt(client, text))
    if (facts !== 'absent' || !maySpell(text)) return { reference: given, facts }
  } catch (error) {
    if (!isUnknown(text, error)) throw error
    fault = error
  }
  let word: string | undefined
  try {
    word = await spelledKey(() => client, text)
  } catch (error) {
    if (asDstoreError(error).code !== 'not-found') throw error
    return { reference: given, facts: 'absent', why: error }
  }
  if (word === undefined) {
    if (fault !== undefined) throw fault
    return { reference: given, facts: 'absent' }
  }
  const reference = (await parseReferences([word])).get(word)!
  return { reference, facts: await factsAt(client, word) }
}

/** Ends with `not-found` for no, which the table of commands turns into 1 (R007-29). */
export const has: Run = onFacts(
  async ({ reference: { type, text }, facts, hint }, terminal) => {
    if (hint !== undefined) terminal.note(hint)
    if (terminal.json) await terminal.print(JSON.stringify({ [type]: text, has: !!facts }))
    return facts === undefined ? ERRORS['not-found'].exit : 0
  },
  (terminal) => !terminal.json,
)

export const stat: Run = onFacts(
  async ({ reference: { type, text }, facts, hint, client, why: fault }, terminal) => {
    if (facts === undefined) {
      const why = fault ?? (hint === undefined ? await whyAbsent(client, text) : undefined)
      if (why !== undefined) throw why
      const given = hint === undefined ? {} : { hint }
      throw new DstoreError('not-found', `no such ${type}: ${text}`, given)
    }
    const missing = await missingIn(client, facts)
    const binding = type === 'name' ? await bindingOf(client, text) : undefined
    const lines = [
      `key          ${facts.key}`,
      `size         ${plural(facts.size, 'byte')}`,
      ...directoryLines(facts),
      ...missing.map(({ path }) => `missing      ${shownName(path)}`),
      ...(terminal.verbose ? [`incarnation  ${facts.incarnation}`] : []),
      `held here    ${plural(facts.heldBytes, 'byte')}`,
      ...facts.names.map((name) => `name         ${name}`),
      ...bindingLines(binding),
      ...facts.holders.map((peer) => `holder       ${peer}`),
      `confirmed    ${facts.confirmed ? 'yes' : 'no: Global is away'}`,
    ]
    const document = { ...facts, ...binding, ...(missing.length > 0 && { missing }) }
    await terminal.printFact(document, lines.join('\n'))
    return 0
  },
  () => true,
)

function directoryLines({ directory, heldBy = 0 }: FactsAnswer): string[] {
  const below = directory && `${plural(directory.files, 'file')}, ${directory.totalSize} bytes`
  return [
    ...(below === undefined ? [] : [`directory    ${below}`]),
    ...(heldBy === 0 ? [] : [`held by      ${plural(heldBy, 'directory')}`]),
  ]
}

/** Empty unless something that some directory holds is missing somewhere. */
async function missingIn(client: Client, { key, directory }: FactsAnswer): Promise<MissingEntry[]> {
  if (directory?.mayLack !== true) return []
  const { missingBelow } = await import('../tree/missing.ts')
  const missing: MissingEntry[] = []
  for await (const one of missingBelow(client, key)) missing.push(one)
  return missing
}

/** Where a value is that the node does not serve: in a store of an earlier role (R007-154). */
async function elsewhere(client: Client, text: string): Promise<string | undefined> {
  const found = await client.findInactive(text).catch(() => undefined)
  return found && ELSEWHERE
}
