/**
 * Answers a GET of a small value that the node has in memory in the turn of the event loop in which
 * it came (specs/007, R007-210). Everything that needs a wait, a check of another header or another
 * answer than 200 falls through to the ordinary path.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ImmediateValue, Node } from '../../../node/node.ts'
import type { Access, Need } from '../access.ts'
import { isBelowPrefix, type Caller } from '../tokens/caller.ts'
import type { DoorCounts } from '../doors/door-counts.ts'
import type { Door } from '../doors/door.ts'
import type { RequestCounts } from '../statistics/request-counts.ts'
import { valueHeaders } from './value-headers.ts'
import { plainRequest, type PlainRequest } from './plain-request.ts'

export interface ImmediateOptions {
  readonly node: Pick<Node, 'getImmediate'>
  readonly access: Access
  readonly doors: readonly Door[]
  readonly doorCounts: DoorCounts
  readonly requests: RequestCounts
  /** Headers of every response: names and values in turns. */
  readonly common: readonly string[]
  /** Called before an answer. */
  readonly onAnswer: (request: IncomingMessage, response: ServerResponse, caller: Caller) => void
}

/** What it answers counts for this route, or for its door. */
const VALUE_ROUTE = '/v1/values/{key}'

/** A value of its own never is free. */
const NEED: Need = { isFree: () => false, isOpen: () => true }

/** Responds to the request, or returns false and has touched nothing. */
export function getImmediate(
  { node, access, doors, doorCounts, requests, common, onAnswer }: ImmediateOptions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (node.getImmediate === undefined) return false
  const beganAt = performance.now()
  const wanted = plainRequest(request, doors)
  // Before the value is looked up: a refusal must not depend on it (R007-71).
  if (wanted === undefined) return false
  const { word, type, door } = wanted
  const caller = access.admits(request, NEED)
  if (caller === undefined || !mayAnswer(caller, wanted)) return false
  const value = node.getImmediate(word)
  if (value === undefined) return false
  // The bytes of a directory mean nothing to the tool behind a door.
  if (door !== undefined && value.key.kind === 'directory') return false
  onAnswer(request, response, caller)
  if (door !== undefined) doorCounts.watch(door.root, 'GET', response)
  send(response, value, type, common)
  const slot = requests.slot(door?.root ?? VALUE_ROUTE, 'GET')
  requests.answered(slot, 200, performance.now() - beganAt)
  return true
}

/** With a prefix, all but names below it, which it confines to, take look-ups (R007-330). */
function mayAnswer({ prefix }: Caller, { word, door }: PlainRequest): boolean {
  if (prefix === undefined) return true
  return door !== undefined && isBelowPrefix(word, prefix)
}

function send(
  response: ServerResponse,
  { key, bytes }: ImmediateValue,
  type: string,
  common: ImmediateOptions['common'],
): void {
  const size = bytes.byteLength
  // A flat list is what Node writes without looking each header up.
  const headers = [...common]
  for (const [name, value] of Object.entries(valueHeaders({ key, size }, type))) {
    headers.push(name, String(value))
  }
  headers.push('Content-Length', String(size))
  response.writeHead(200, headers)
  response.end(bytes)
}
