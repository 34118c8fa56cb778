/** The API's calls on names (specs/007-daemon-and-command-line.md, "HTTP API"). */
import { DstoreError } from '../../errors.ts'
import { parseKey } from '../../hash/key.ts'
import type { BoundName } from '../../node/node.ts'
import type { NameAnswer, NameLine, UnbindAnswer } from '../api/api.ts'
import { callOptions, nameOf, readJson, sendJson, stayingAwake } from './call.ts'
import type { HttpCall } from './call.ts'
import { sendLines } from './listing.ts'

/** GET /v1/names/{name} */
export async function getName(exchange: HttpCall): Promise<void> {
  const name = nameOf(exchange)
  const found = await exchange.served.node.index.lookup(name, callOptions(exchange))
  if (found === undefined) throw new DstoreError('not-found', `no such name: ${name}`)
  sendJson(exchange, 200, answerOf(found))
}

/** PUT /v1/names/{name} {"key"}: for good; again with the same key is success. */
export async function putName(exchange: HttpCall): Promise<void> {
  const { key } = await readJson(exchange)
  if (typeof key !== 'string') throw new DstoreError('usage', 'key must be a key')
  const { node } = exchange.served
  const bound = await node.index.bind(nameOf(exchange), parseKey(key), callOptions(exchange))
  sendJson(exchange, 200, answerOf(bound))
}

/** DELETE /v1/names/{name}; its value goes with its last name, but not with `?keep=1`. */
export async function removeName(exchange: HttpCall): Promise<void> {
  const options = { ...callOptions(exchange), keepValue: exchange.query.get('keep') === '1' }
  const { key, ...rest } = await stayingAwake(exchange, () =>
    exchange.served.node.index.unbind(nameOf(exchange), options),
  )
  const answer: UnbindAnswer = { ...rest, ...(key && { key: key.toString() }) }
  sendJson(exchange, 200, answer)
}

/** GET /v1/names: a line for every name, with `?prefix=` for those that begin with it. */
export function listNames(exchange: HttpCall): Promise<void> {
  return sendLines(exchange, namesOf(exchange))
}

async function* namesOf(exchange: HttpCall): AsyncGenerator<NameLine> {
  const prefix = exchange.query.get('prefix') ?? ''
  for await (const { name, key } of exchange.served.node.index.names(
    prefix,
    callOptions(exchange),
  )) {
    yield { name, key: key.toString() }
  }
}

const answerOf = ({ key, ...rest }: BoundName): NameAnswer => ({ ...rest, key: key.toString() })
