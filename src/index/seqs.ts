/** What messages tell of the order of changes (specs/004-index.md, R004-10). */
import type { Message } from './message.ts'

/** The seqs that a message tells of. */
export function seqsIn(body: Message['body']): number[] {
  switch (body.type) {
    case 'located':
      return body.facts.map((fact) => fact?.incarnation ?? 0)
    case 'stored':
      return body.receipts.map(({ incarnation }) => incarnation)
    case 'offered':
      return [body.have?.incarnation ?? 0]
    case 'binding':
      return [body.found?.incarnation ?? 0, body.found?.fact.incarnation ?? 0]
    case 'feed':
      return [body.upto]
    default:
      return []
  }
}
