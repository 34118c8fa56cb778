/** The one answer to a put of several values (specs/004-index.md, "Messages"). */
import type { Body, Receipt } from './message.ts'

/** Takes what became of each value; answers when the last is done, or as soon as one has failed. */
export function collectReceipts(
  count: number,
  answer: (body: Body) => void,
): (at: number, body: Body) => void {
  const receipts = Array.from<Receipt | undefined>({ length: count })
  let left = count
  if (count === 0) answer({ type: 'stored', receipts: [] })
  return (at, body) => {
    if (left <= 0) return
    if (body.type === 'stored') receipts[at] = body.receipts[0]
    left = body.type === 'stored' ? left - 1 : 0
    if (left > 0) return
    answer(body.type === 'stored' ? { type: 'stored', receipts: receipts as Receipt[] } : body)
  }
}
