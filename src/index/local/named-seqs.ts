/** The changes that a message names (specs/004-index.md, R004-10). */
import type { Body } from '../message.ts'

/** The seqs that a message names (R004-10). */
export function seqsIn(body: Body): number[] {
  switch (body.type) {
    case 'located':
      return body.facts.map((fact) => fact?.incarnation ?? 0)
    case 'stored':
      return body.receipts.map(({ incarnation }) => incarnation)
    case 'stored-batch':
      return body.outcomes.map((one) => ('receipt' in one ? one.receipt.incarnation : 0))
    case 'offered':
      return [body.have?.incarnation ?? 0]
    case 'binding':
      return [body.found?.incarnation ?? 0, body.found?.fact.incarnation ?? 0]
    case 'rebound':
      return [body.found.incarnation, body.found.fact.incarnation]
    case 'feed':
      return [body.upto]
    default:
      return []
  }
}
