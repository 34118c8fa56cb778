/** The index calls of a running daemon, over its socket (specs/007, "HTTP API"). */
import { DstoreError, asDstoreError } from '../../errors.ts'
import { type Key, parseKey } from '../../hash/key.ts'
import type { ListedName, NodeIndex } from '../../node/node.ts'
import type { NameLine } from '../api/api.ts'
import type { Client } from './client.ts'

export const remoteIndex = (client: Client): NodeIndex => ({
  async stat(key, options) {
    const [facts] = await this.statMany([key], options)
    return facts
  },

  async statMany(keys, options = {}) {
    const answers = await client.with(options).factsMany(keys.map(String))
    return answers.map((facts) => facts && keyed(facts))
  },

  async *keys(options = {}) {
    for await (const line of client.with(options).keys()) yield keyed(line)
  },

  async remove(key, options = {}) {
    return keyed(await client.with(options).remove(key.toString(), options.force))
  },

  async lookup(name, options = {}) {
    try {
      return keyed(await client.with(options).lookup(name, options.fresh))
    } catch (error) {
      if (asDstoreError(error).code === 'not-found') return undefined
      throw error
    }
  },

  async bind(name, key, options = {}) {
    if (options.kind === 'tag') throw new TypeError('tag() binds a tag, and moves it')
    return keyed(await client.with(options).bind(name, key.toString(), options))
  },

  async tag(name, key, options = {}) {
    const moved = await client.with(options).tags.move(name, key.toString(), options)
    const { kind: _, previous, previousKeptUntil, ...rest } = keyed(moved)
    return { ...rest, previous: parsedOrNone(previous), previousKeptUntil }
  },

  async tagHistory(name, options = {}) {
    const targets = []
    for await (const line of client.with(options).tags.history(name)) {
      const { key, at } = keyed(line)
      targets.push({ key, at })
    }
    return targets
  },

  async unbind(name, options = {}) {
    const { key, ...rest } = await client.with(options).unbind(name, options.keepValue)
    return { ...rest, key: parsedOrNone(key) }
  },

  async *names(prefix, options = {}) {
    const { after, limit, match } = options
    const lines = client.with(options).lists.names(prefix, { after, limit, match })
    for await (const line of lines) yield listed(line)
  },

  async *level(prefix, options = {}) {
    const { after, limit, delimiter } = options
    const lines = client.with(options).lists.level(prefix, { after, limit, delimiter })
    for await (const line of lines) yield 'prefix' in line ? line : listed(line)
  },

  usage(prefix, options = {}) {
    return client.with(options).lists.usage(prefix, options.delimiter)
  },

  async contents(options = {}) {
    const { quotaBytes, headroomBytes, ...use } = await client.with(options).lists.contents()
    return { ...use, quotaBytes, headroomBytes }
  },

  async *watch({ signal, after, onStart } = {}) {
    const changes = client.with(signal === undefined ? {} : { signal }).watch(after, onStart)
    for await (const { key, size, previous, ...rest } of changes) {
      const from = previous === undefined ? {} : { previous: parsedOrNone(previous)! }
      yield { ...rest, key: parsedOrNone(key), size, ...from }
    }
  },
})

/** What a daemon of an earlier version does not say of a name is undefined, as it was fixed. */
function listed(line: NameLine): ListedName {
  const { kind = 'fixed', size, boundAt, expiresAt, ...name } = line
  return { ...keyed(name), kind, size, boundAt, expiresAt }
}
const parsedOrNone = (text: string | undefined): Key | undefined =>
  text === undefined ? undefined : keyed({ key: text }).key

/** The answer with its `key` parsed; `protocol` if the daemon sent something else. */
export function keyed<Answer extends { readonly key: string }>(
  answer: Answer,
): Omit<Answer, 'key'> & { readonly key: Key } {
  try {
    return { ...answer, key: parseKey(answer.key) }
  } catch (cause) {
    throw new DstoreError('protocol', 'the daemon gave something else for a key', { cause })
  }
}
