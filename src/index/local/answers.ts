/** Which answer fits a request (specs/004-index.md, R004-4). */
import type { Answer, Body, Request } from '../message.ts'

const ANSWERS: Readonly<Record<Request['type'], Answer['type']>> = {
  locate: 'located',
  put: 'stored',
  'put-batch': 'stored-batch',
  offer: 'offered',
  remove: 'removed',
  unbind: 'removed',
  list: 'listed',
  bind: 'binding',
  rebind: 'rebound',
  'tag-history': 'tag-targets',
  lookup: 'binding',
  names: 'named',
  contents: 'store-contents',
  watch: 'watched',
  hold: 'held',
  present: 'present-answer',
  'make-directories': 'made-directories',
  'commit-tree': 'stored',
  'set-rule': 'accepted',
  'remove-rule': 'accepted',
  rules: 'rule-list',
  'report-use': 'accepted',
  invite: 'invited',
  admit: 'admitted',
  expel: 'removed',
  members: 'member-page',
  ping: 'pong',
}

/** What is wrong with an answer to this request; undefined if it fits. */
export function whatIsWrong(request: Request, answer: Body): string | undefined {
  if (answer.type !== ANSWERS[request.type]) return answer.type
  const [asked, told] =
    request.type === 'locate' && answer.type === 'located'
      ? [request.digests.length, answer.facts.length]
      : request.type === 'put' && answer.type === 'stored'
        ? [request.values.length, answer.receipts.length]
        : request.type === 'put-batch' && answer.type === 'stored-batch'
          ? [request.items.length, answer.outcomes.length]
          : request.type === 'present' && answer.type === 'present-answer'
            ? [request.items.length, answer.present.length]
            : request.type === 'make-directories' && answer.type === 'made-directories'
              ? [request.digests.length, answer.missing.length]
              : request.type === 'commit-tree' && answer.type === 'stored'
                ? [1, answer.receipts.length]
                : [0, 0]
  return asked === told ? undefined : `${told} answers to ${asked}`
}
