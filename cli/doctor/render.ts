/** The findings as text and as the document of `--json` (R007-132). */
import { printable } from '../../src/daemon/process/log.ts'
import { plural } from '../terminal/terminal.ts'
import { count, type Finding } from './finding.ts'
import type { Facts } from './facts.ts'
import { roleOf } from './facts.ts'

/** A line for each finding, and one below it with its remedy. */
export function findingsText(findings: readonly Finding[]): string {
  return findings.flatMap(linesOf).join('\n')
}

function linesOf({ id, severity, found, remedy }: Finding): readonly string[] {
  const line = printable(`${severity.padEnd(9)}${id}: ${found}`)
  return remedy === undefined ? [line] : [line, printable(`${' '.repeat(9)}remedy: ${remedy}`)]
}

/** `1 problem, 2 warnings`, or that nothing is wrong. */
export function summaryText(findings: readonly Finding[]): string {
  const counts = (['problem', 'warning', 'note'] as const)
    .map((severity) => ({ severity, times: count(findings, severity) }))
    .filter(({ times }) => times > 0)
    .map(({ severity, times }) => plural(times, severity))
  return counts.length === 0 ? 'nothing is wrong' : counts.join(', ')
}

/** The document of `dstore doctor --json` in specs/documents.yaml. */
export interface DoctorDocument {
  readonly version: string
  readonly directory: string
  readonly role?: string
  readonly problems: number
  readonly warnings: number
  readonly notes: number
  readonly findings: readonly Finding[]
}

export function document(facts: Facts, findings: readonly Finding[]): DoctorDocument {
  const role = roleOf(facts)
  return {
    version: facts.version,
    directory: facts.path,
    ...(role !== undefined && { role }),
    problems: count(findings, 'problem'),
    warnings: count(findings, 'warning'),
    notes: count(findings, 'note'),
    findings,
  }
}
