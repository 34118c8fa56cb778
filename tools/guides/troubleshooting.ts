/** The last section of `docs/troubleshooting.md`: every code, with its messages. */
import { ERRORS, type ErrorCode, type ErrorKind } from '../../src/errors.ts'
import { markdownOf } from '../tables.ts'
import type { Trouble } from './trouble.ts'
import { TROUBLES } from './troubles.ts'

export const TROUBLESHOOTING = 'docs/troubleshooting.md'

const HEADING = '\n## Errors by code\n'

const NOTE = '<!-- Written by `npm run reference` from `tools/guides`. -->'

/** The page with its generated section; `written` is the page as it stands. */
export function troubleshootingPage(written: string): string {
  const end = written.indexOf(HEADING)
  if (end < 0) throw new Error(`${TROUBLESHOOTING} has no heading "${HEADING.trim()}"`)
  const sections = Object.entries(ERRORS).map(([code, kind]) => section(code as ErrorCode, kind))
  return `${written.slice(0, end)}${HEADING}\n${NOTE}\n\n${sections.join('\n')}`
}

function section(code: ErrorCode, { meaning, exit, status, retry }: ErrorKind): string {
  const { about, troubles } = TROUBLES[code]
  const facts = `Exit code ${exit}, HTTP ${status}: ${meaning}. ${retry ? 'The same call may succeed later.' : 'The same call fails again.'}`
  const head = `### \`${code}\`\n\n${about} ${facts}\n`
  if (troubles.length === 0) return head
  const rows = troubles.map(({ message, why, remedy, shown }) => [
    `\`${message}\``,
    why,
    remedy,
    link(shown),
  ])
  return `${head}\n${markdownOf([['message', 'why', 'what to do', 'seen in'], ...rows])}`
}

function link(shown: string): string {
  if (shown === TROUBLESHOOTING) return '[above](#common-cases)'
  const path = shown.startsWith('docs/') ? shown.slice('docs/'.length) : `../${shown}`
  return `[${shown.slice(shown.lastIndexOf('/') + 1).replace(/\..*/, '')}](${path})`
}

/** What a message looks like where it is printed: any text in the place of words in capitals. */
export function patternOf({ message }: Trouble): RegExp {
  const parts = message.split(/\b[A-Z]+\b/).map((part) => part.replaceAll(/[^\w ]/g, '\\$&'))
  return new RegExp(parts.join('.+'))
}
