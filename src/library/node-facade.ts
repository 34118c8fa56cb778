/** The library's `Dstore` over any node: one in this process, or the client of a daemon. */
import type { Key } from '../hash/key.ts'
import { parseKey } from '../hash/key.ts'
import { untilAborted } from '../deadline.ts'
import { DstoreError, throwIfCancelled } from '../errors.ts'
import { moveTag } from '../node/calls/names/move-tag.ts'
import type {
  CallOptions,
  Node,
  NodeInactive,
  NodePins,
  PutOutcome,
  PutResult,
  ReadableValue,
} from '../node/node.ts'
import { showAs } from '../inspect.ts'
import { statWords, withKey } from '../node/calls/resolve-key.ts'
import { checkBounds, checkOptions, eachCancellable } from './calls.ts'
import { ahead } from './ahead.ts'
import { entries, getDirectory, openEntry, putDirectory } from './directories.ts'
import type { Dstore, Value } from './dstore.ts'
import { readSource } from './source.ts'
import { putMany, type Put, type Sources } from './put-many.ts'
import { FoundValue } from './value.ts'

type KeyOrName = Key | string

/** Values that `getMany` asks for before they are wanted. */
const GETS_AHEAD = 64

/** `release` runs after the node is closed. */
export function nodeFacade(node: Node, release: () => void = () => undefined): Dstore {
  let closing: Promise<void> | undefined

  /** Checks the options and that the node is open. */
  const begin = (options: CallOptions): AbortSignal | undefined => {
    checkOptions(options)
    if (closing !== undefined) throw new DstoreError('unreachable', 'the node is closed')
    return options.signal
  }

  /** A call that handles the signal itself, and cleans up before it rejects. */
  const callToEnd = async <T>(options: CallOptions, work: () => Promise<T>): Promise<T> => {
    const signal = begin(options)
    throwIfCancelled(signal)
    try {
      return await work()
    } catch (error) {
      throwIfCancelled(signal)
      throw error
    }
  }

  /** A call that the signal abandons. */
  const call = <T>(options: CallOptions, work: () => Promise<T>): Promise<T> =>
    callToEnd(options, () => {
      const { signal } = options
      return signal === undefined ? work() : untilAborted(work(), signal)
    })

  /** The same, of the key that `keyOrName` resolves to. */
  const callOnKey = <T>(
    keyOrName: KeyOrName,
    options: CallOptions,
    work: (key: Key) => Promise<T>,
  ): Promise<T> => call(options, () => withKey(node, checkKeyOrName(keyOrName), options, work))

  async function* each<T>(
    options: CallOptions,
    items: () => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    const signal = begin(options)
    yield* eachCancellable(signal, items())
  }

  return showAs<Dstore>('Dstore', ['role'], {
    role: node.role,

    put(source, options = {}) {
      return callToEnd(options, async () => {
        const reading = readSource(source, options.signal)
        try {
          return await node.put(reading.source, options)
        } catch (error) {
          throw reading.thrown()?.error ?? error
        }
      })
    },

    putMany(values: Sources, options: CallOptions = {}) {
      const put: Put = (source, settings) => this.put(source, settings)
      // Each outcome of a plain value is its result.
      const work = (): Promise<PutOutcome[]> => putMany(node, put, values, options)
      return callToEnd(options, work) as Promise<PutResult[]>
    },

    get(keyOrName, options = {}) {
      return callToEnd(options, async () => {
        const open = (key: Key): Promise<ReadableValue> => node.get(key, options)
        return new FoundValue(
          await withKey(node, checkKeyOrName(keyOrName), options, open),
          options,
        )
      })
    },

    async putDirectory(path, options = {}) {
      checkString('path', path)
      return callToEnd(options, () => putDirectory(node, path, options))
    },

    async getDirectory(word, path, options = {}) {
      checkString('path', path)
      return callToEnd(options, () => getDirectory(node, checkKeyOrName(word), path, options))
    },

    entries(word, options = {}) {
      return each(options, () => entries(node, checkKeyOrName(word), options))
    },

    async openEntry(word, path, options = {}) {
      checkString('path', path)
      return callToEnd(
        options,
        async () =>
          new FoundValue(await openEntry(node, checkKeyOrName(word), path, options), options),
      )
    },

    async openPath(word, options = {}) {
      return callToEnd(options, async () => {
        const { openPath } = await import('./paths.ts')
        return openPath(node, checkKeyOrName(word), options)
      })
    },

    getMany(keysOrNames, options = {}) {
      const words = Array.from(keysOrNames, checkKeyOrName)
      const get = (word: KeyOrName): Promise<Value | undefined> =>
        this.get(word, options).catch(unlessAbsent)
      const discard = (value: Value | undefined): unknown => value?.cancel()
      return each(options, () => ahead(words, GETS_AHEAD, get, discard))
    },

    async has(keyOrName, options) {
      return (await this.stat(keyOrName, options)) !== undefined
    },

    async hasMany(keysOrNames, options) {
      return (await this.statMany(keysOrNames, options)).map((facts) => facts !== undefined)
    },

    async stat(keyOrName, options) {
      const [facts] = await this.statMany([keyOrName], options)
      return facts
    },

    statMany(keysOrNames, options = {}) {
      return call(options, () => statWords(node, Array.from(keysOrNames, checkKeyOrName), options))
    },

    remove(key, options = {}) {
      return call(options, () => {
        const parsed = typeof key === 'string' ? parseKey(key) : checkKeyOrName(key)
        return node.index.remove(parsed as Key, options)
      })
    },

    lookup(name, options = {}) {
      return call(options, () => node.index.lookup(checkString('name', name), options))
    },

    async bind(name, keyOrName, options = {}) {
      checkString('name', name)
      if ('kind' in options) throw new TypeError('options.kind: call tag() for a tag')
      return callOnKey(keyOrName, options, (key) => node.index.bind(name, key, options))
    },

    async tag(name, keyOrName, options = {}) {
      checkString('name', name)
      if ('kind' in options)
        throw new TypeError('options.kind: tag() moves tags, and no other name')
      return callOnKey(keyOrName, options, (key) => moveTag(node.index, name, key, options))
    },

    tagHistory(name, options = {}) {
      return call(options, () => node.index.tagHistory(checkString('name', name), options))
    },

    setRule(prefix, bounds, options = {}) {
      return call(options, () => node.rules.set(checkPrefix(prefix), checkBounds(bounds), options))
    },

    rules(options = {}) {
      return each(options, async function* () {
        yield* await node.rules.list(options)
      })
    },

    removeRule(prefix, options = {}) {
      return call(options, () => node.rules.remove(checkPrefix(prefix), options))
    },

    unbind(name, options = {}) {
      return call(options, () => node.index.unbind(checkString('name', name), options))
    },

    names(prefix = '', options = {}) {
      return each(options, () => node.index.names(checkString('prefix', prefix), options))
    },

    level(prefix = '', options = {}) {
      return each(options, () => node.index.level(checkString('prefix', prefix), options))
    },

    usage(prefix = '', options = {}) {
      return each(options, () => node.index.usage(checkString('prefix', prefix), options))
    },

    contents(options = {}) {
      return call(options, () => node.index.contents(options))
    },

    keys(options = {}) {
      return each(options, () => node.index.keys(options))
    },

    watch(options = {}) {
      return each(options, () => node.index.watch(options))
    },

    invite(options = {}) {
      return call(options, () => node.members.invite(options))
    },

    members(options = {}) {
      return each(options, () => node.members.list(options))
    },

    admit(peer, role, options = {}) {
      return call(options, () => node.members.admit(checkString('peer', peer), role, options))
    },

    expel(peer, options = {}) {
      return call(options, () => node.members.expel(checkString('peer', peer), options))
    },

    prefetch(keyOrName, options = {}) {
      return callOnKey(keyOrName, options, (key) => node.prefetch(key, options))
    },

    pin(word, options = {}) {
      return callToEnd(options, () => pinsOf(node).pin(textOf(word), options))
    },

    unpin(word, options = {}) {
      return call(options, () => pinsOf(node).unpin(textOf(word), options))
    },

    pins(options = {}) {
      return each(options, async function* () {
        yield* pinsOf(node).pins(options)
      })
    },

    evict(keyOrName, options = {}) {
      return callOnKey(keyOrName, options, (key) => node.evict(key))
    },

    verify(options = {}) {
      return each(options, () => node.verify(options))
    },

    uploadInactive(options = {}) {
      return each(options, async function* () {
        yield* inactiveOf(node).upload(options)
      })
    },

    dropInactive(options = {}) {
      return callToEnd(options, () => inactiveOf(node).drop(options))
    },

    status(options = {}) {
      return call(options, () => node.status())
    },

    close() {
      closing ??= node.close().finally(release)
      return closing
    },

    [Symbol.asyncDispose]() {
      return this.close()
    },
  })
}

function unlessAbsent(error: unknown): undefined {
  if (!(error instanceof DstoreError) || error.code !== 'not-found') throw error
}

function inactiveOf({ inactive }: Node): NodeInactive {
  if (inactive !== undefined) return inactive
  throw new DstoreError('not-found', 'this directory has no store of an earlier role')
}

function pinsOf({ pins, role }: Node): NodePins {
  if (pins !== undefined) return pins
  throw new DstoreError('usage', `a ${role} node keeps every value: it has no pins`)
}

const textOf = (word: KeyOrName): string => checkKeyOrName(word).toString()

function checkPrefix(prefix: string | undefined): string | undefined {
  return prefix === undefined ? prefix : checkString('prefix', prefix)
}

/** TypeError for anything but a key or a string. */
function checkKeyOrName(keyOrName: KeyOrName): KeyOrName {
  if (typeof keyOrName === 'string' || keyOrName?.digest instanceof Uint8Array) return keyOrName
  throw new TypeError('keyOrName must be a Key or a string')
}

function checkString(argument: string, value: string): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${argument} must be a string`)
}
