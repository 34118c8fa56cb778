import { test } from '../../serial.ts'
import { LISTED_NAMES } from '../../../cli/repl/queries.ts'
import { execute } from '../../../cli/repl/execute.ts'
import { SHOWN_BYTES } from '../../../cli/repl/display.ts'
import { parseStatement } from '../../../cli/repl/statement.ts'
import type { FoundValue, Values } from '../../../cli/repl/values.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Acknowledgement } from '../../../src/node/node.ts'

const KEY = /^key\d+$/

/** The values of Global; each `NodeValues` is one node that asks it. */
class GlobalValues {
  readonly values: Map<string, string> = new Map()
  readonly names: Map<string, string> = new Map()
  readonly tags: Set<string> = new Set()
  owed: readonly string[] = []
}

class NodeValues implements Values {
  readonly held: Map<string, number> = new Map()
  readonly pinned: Set<string> = new Set()
  readonly global: GlobalValues
  /** Runs once, before the next put. */
  interference: (() => Promise<unknown>) | undefined
  fault: DstoreError | undefined

  constructor(global: GlobalValues) {
    this.global = global
  }

  isKey = (text: string): Promise<boolean> => Promise.resolve(KEY.test(text))

  find(what: string): Promise<FoundValue | undefined> {
    return KEY.test(what) ? this.findKey(what) : this.findName(what)
  }

  findKey(key: string): Promise<FoundValue | undefined> {
    if (this.fault !== undefined) return Promise.reject(this.fault)
    const size = this.global.values.get(key)?.length
    if (size === undefined) return Promise.resolve(undefined)
    return Promise.resolve({ key, size, heldBytes: this.held.get(key) ?? 0 })
  }

  async findName(name: string): Promise<FoundValue | undefined> {
    const key = this.global.names.get(name)
    return key === undefined ? undefined : this.findKey(key)
  }

  path(keyOrName: string): Promise<string> {
    const key = this.global.names.get(keyOrName) ?? keyOrName
    if (this.global.values.has(key)) return Promise.resolve(`/cache/${key}`)
    return Promise.reject(new DstoreError('not-found', `no such name: ${keyOrName}`))
  }

  async put(value: string, name?: string): Promise<{ key: string }> {
    await this.interference?.()
    this.interference = undefined
    if (name !== undefined && this.global.names.has(name)) {
      throw new DstoreError('conflict', 'bound to another')
    }
    const key = [...this.global.values].find(([, one]) => one === value)?.[0] ?? newKey(this.global)
    this.global.values.set(key, value)
    if (name !== undefined) this.global.names.set(name, key)
    this.held.set(key, value.length)
    return { key }
  }

  async tag(value: string, name: string): Promise<unknown> {
    const { names, tags } = this.global
    if (names.has(name) && !tags.has(name)) throw new DstoreError('conflict', 'a fixed name')
    const { key } = await this.put(value)
    names.set(name, key)
    tags.add(name)
    return key
  }

  read(key: string, mostBytes: number): Promise<Uint8Array> {
    const value = this.global.values.get(key)
    if (value === undefined) return Promise.reject(new DstoreError('removed', 'gone'))
    this.held.set(key, Math.max(this.held.get(key) ?? 0, mostBytes))
    return Promise.resolve(new TextEncoder().encode(value).subarray(0, mostBytes))
  }

  prefetch(key: string): Promise<void> {
    if (this.fault !== undefined) return Promise.reject(this.fault)
    this.held.set(key, this.global.values.get(key)!.length)
    return Promise.resolve()
  }

  async pin(what: string): Promise<number> {
    const key = this.global.names.get(what) ?? what
    await this.prefetch(key)
    this.pinned.add(what)
    return this.held.get(key)!
  }

  async unpin(what: string): Promise<void> {
    if (!this.pinned.delete(what)) throw new DstoreError('not-found', `not pinned: ${what}`)
  }

  async *names({ prefix = '', match, limit }: Parameters<Values['names']>[0]) {
    const isWanted = (name: string): boolean =>
      match === '**' || match === name || match === undefined
    const all = [...this.global.names.keys()].toSorted()
    const found = all.filter((name) => name.startsWith(prefix) && isWanted(name))
    for (const name of found.slice(0, limit)) yield await Promise.resolve(name)
  }

  contents(): ReturnType<Values['contents']> {
    const all = [...this.global.values.values()]
    const valueBytes = all.reduce((sum, value) => sum + value.length, 0)
    return Promise.resolve({ values: all.length, valueBytes })
  }

  role(): Promise<string> {
    return this.fault === undefined ? Promise.resolve('local') : Promise.reject(this.fault)
  }

  unbind(name: string): Promise<Acknowledgement> {
    const key = this.global.names.get(name)
    if (key === undefined) return Promise.reject(new DstoreError('not-found', 'no such name'))
    this.global.names.delete(name)
    return this.remove(key)
  }

  remove(key: string): Promise<Acknowledgement> {
    if (!this.global.values.has(key))
      return Promise.reject(new DstoreError('not-found', 'no such key'))
    if ([...this.global.names.values()].includes(key)) {
      return Promise.reject(new DstoreError('conflict', 'it has names', { hint: '--force' }))
    }
    this.global.values.delete(key)
    const { owed } = this.global
    return Promise.resolve({
      seq: 1,
      freedBytes: 1,
      names: [],
      acknowledged: [],
      owed,
      expired: [],
    })
  }
}

function newKey({ values }: GlobalValues): string {
  return `key${values.size}`
}

/** Two Locals, and a prompt at each of them. */
function network(): {
  readonly global: GlobalValues
  readonly nodes: readonly [NodeValues, NodeValues]
  readonly say: (node: NodeValues, ...words: string[]) => Promise<string>
} {
  const global = new GlobalValues()
  return {
    global,
    nodes: [new NodeValues(global), new NodeValues(global)],
    async say(node, ...words) {
      const { text, exit } = await execute(parseStatement(words) as never, node)
      return exit === 0 ? text : `${text} [${exit}]`
    },
  }
}

test('R007-361 PATH shows the path of a file', async (t) => {
  const { nodes, say } = network()
  const [a] = nodes
  t.is(await say(a, 'PATH', 'hi'), `no such name or key: hi [3]`)
  await say(a, 'SET', 'hi', 'hello')
  t.is(await say(a, 'path', 'hi'), '/cache/key0')
})

test('R007-61 the answers are plain words', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(b, 'GET', 'hi'), `no such name or key: hi [3]`)
  t.is(await say(a, 'SET', 'hi', 'hello'), 'stored hi')
  t.is(await say(a, 'GET', 'hi'), 'hello')
  t.is(await say(a, 'SET', 'hi', 'other'), 'hi is taken')
  t.is(await say(b, 'SET', 'hi', 'other'), 'hi is taken; its value is here now')
  t.is(await say(b, 'SET', 'hi', 'hello'), 'hi is taken')
  t.is(await say(b, 'GET', 'hi'), 'hello')
  b.held.clear()
  t.is(await say(b, 'GET', 'hi'), 'hello (fetched)')
  t.is(await say(b, 'GET', 'hi'), 'hello')
  t.is(await say(b, 'DEL', 'hi'), 'removed hi')
  t.is(await say(a, 'GET', 'hi'), `no such name or key: hi [3]`)
  t.is(await say(a, 'DEL', 'hi'), `no such name or key: hi [3]`)
})

test('R007-300 TAG moves a name, which SET does not, and leaves a fixed one', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(a, 'TAG', 'now', 'version', 'one'), 'stored now')
  t.is(await say(a, 'GET', 'now'), 'version one')
  t.is(await say(b, 'TAG', 'now', 'two'), 'stored now')
  t.is(await say(b, 'GET', 'now'), 'two')
  t.is(await say(a, 'SET', 'now', 'three'), 'now is taken; its value is here now')
  t.is(await say(a, 'SET', 'hi', 'hello'), 'stored hi')
  t.is(await say(b, 'TAG', 'hi', 'other'), 'hi is taken; its value is here now')
  t.is(await say(b, 'GET', 'hi'), 'hello')
  a.interference = () => Promise.reject(new DstoreError('no-space', 'full'))
  await t.throwsAsync(say(a, 'TAG', 'now', 'four'), { code: 'no-space' })
})

test('R007-61 a value without a name is known by its key', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(a, 'PUT', 'hello'), 'key0')
  t.is(await say(b, 'OUT', 'key0'), 'hello (fetched)')
  t.is(await say(a, 'RM', 'key0'), 'removed key0')
  t.is(await say(b, 'OUT', 'key0'), `no such name or key: key0 [3]`)
})

test('R007-61 the slower of two bindings finds the name occupied', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  b.interference = () => say(a, 'SET', 'hi', 'hello')
  t.is(await say(b, 'SET', 'hi', 'other'), 'hi is taken; its value is here now')
})

test('R007-61 a value that does not fit here is occupied, this Local not updated', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'hi', 'hello')
  b.prefetch = () => Promise.reject(new DstoreError('too-large', 'no room'))
  t.is(await say(b, 'SET', 'hi', 'hello'), 'hi is taken')
})

test('R007-384 PIN and UNPIN say what is kept', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'hi', 'hello')
  t.is(await say(b, 'PIN', 'hi'), 'pinned hi (5B)')
  t.true(b.pinned.has('hi'))
  t.is(await say(b, 'unpin', 'hi'), 'unpinned hi')
  await t.throwsAsync(say(b, 'UNPIN', 'hi'), { code: 'not-found' })
  await t.throwsAsync(say(b, 'PIN'), { code: 'usage' })
})

test('R007-61 a value that is removed before it is read does not exist', async (t) => {
  const { global, nodes, say } = network()
  const [a] = nodes
  await say(a, 'SET', 'hi', 'hello')
  const read = a.read.bind(a)
  a.read = (key, mostBytes) => {
    global.values.clear()
    return read(key, mostBytes)
  }
  t.is(await say(a, 'GET', 'hi'), `no such name or key: hi [3]`)
})

test('R007-61 the source is that of the bytes that are shown', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'big', 'x'.repeat(3 * SHOWN_BYTES))
  t.regex(await say(b, 'GET', 'big'), /^x{4096}\.\.\. \(the first 4KiB of 12KiB\) \(fetched\)$/)
  t.regex(await say(b, 'GET', 'big'), /^x{4096}\.\.\. \(the first 4KiB of 12KiB\)$/)
})

test('R007-61 a removal names the Locals that owe it', async (t) => {
  const { global, nodes, say } = network()
  await say(nodes[0], 'SET', 'hi', 'hello')
  global.owed = ['12D3a', '12D3b']
  t.is(await say(nodes[0], 'DEL', 'hi'), 'removed hi; still owed by 12D3a 12D3b [8]')
})

test('R007-61 a value that has names is not removed by its key', async (t) => {
  const { nodes, say } = network()
  await say(nodes[0], 'SET', 'hi', 'hello')
  await t.throwsAsync(say(nodes[0], 'DEL', 'key0'), { code: 'conflict', message: 'it has names' })
})

test('a failure is not an answer', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'hi', 'hello')
  b.fault = new DstoreError('unreachable', 'Global cannot be reached')
  for (const words of [
    ['GET', 'hi'],
    ['GET', 'key0'],
    ['SET', 'hi', 'x'],
  ] as const) {
    await t.throwsAsync(say(b, ...words), { code: 'unreachable' }, words.join(' '))
  }
})

test('R007-266 DEL of a directory says when some of it is still to be removed', async (t) => {
  const node = new NodeValues(new GlobalValues())
  const all = { seq: 1, freedBytes: 2, names: [], acknowledged: [], owed: [], expired: [] }
  const del = (complete: boolean): ReturnType<typeof execute> => {
    const tree = { removed: 3, most: 9, complete }
    node.unbind = () => Promise.resolve({ ...all, tree })
    return execute({ do: 'del', what: 'v1' }, node)
  }
  t.deepEqual(await del(true), { text: 'removed v1', exit: 0 })
  t.deepEqual(await del(false), {
    text: 'removed v1: 3 of at most 9 values so far',
    exit: 8,
  })
})

test('R007-265 GET of a directory shows how much is in it', async (t) => {
  const node = new NodeValues(new GlobalValues())
  const directory = { files: 2, totalSize: 2048 }
  const found = { key: 'key1', size: 90, heldBytes: 90, directory }
  node.find = () => Promise.resolve(found)
  const get = async (what: string): Promise<string> =>
    (await execute({ do: 'get', what }, node)).text
  t.is(await get('v1'), 'directory: 2 files, 2KiB')
})

test('R007-435 the words of redis-cli that ask have their answers', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(a, 'KEYS'), 'no name matches **')
  t.is(await say(a, 'LS', 'x'), 'no name begins with x')
  await say(a, 'SET', 'hi', 'hello')
  await say(a, 'SET', 'ho', 'x')
  t.is(await say(b, 'keys'), 'hi\nho')
  t.is(await say(b, 'KEYS', 'ho'), 'ho')
  t.is(await say(b, 'ls', 'h'), 'hi\nho')
  t.is(await say(b, 'EXISTS', 'hi'), 'yes')
  t.is(await say(b, 'HAS', 'nothing'), 'no')
  t.is(await say(b, 'EXISTS', 'hi', 'nothing', 'key0'), '2 of 3')
  t.is(await say(b, 'STRLEN', 'hi'), '5 bytes')
  t.is(await say(b, 'STRLEN', 'ho'), '1 byte')
  t.is(await say(b, 'TYPE', 'hi'), 'value')
  t.is(await say(b, 'TTL', 'hi'), 'never expires')
  t.is(await say(b, 'STAT', 'hi'), 'key0, 5B, not held here')
  t.is(await say(b, 'STAT', 'nothing'), 'no such name or key: nothing [3]')
  t.is(await say(a, 'MGET', 'hi', 'ho'), 'hello\nx')
  t.is(await say(a, 'MGET', 'hi', 'nothing'), 'hello\nno such name or key: nothing [3]')
  t.is(await say(a, 'DBSIZE'), '2 values, 6B')
  t.is(await say(a, 'INFO'), 'local node, 2 values, 6B; `dstore status` shows more')
  t.is(await say(a, 'PING'), 'PONG')
  const terms = { kind: 'tag', expiresAt: '2030-01-01T00:00:00.000Z' } as const
  const directory = { files: 2, totalSize: 2048 }
  a.find = () => Promise.resolve({ key: 'key9', size: 90, heldBytes: 90, directory, ...terms })
  t.is(await say(a, 'TTL', 'v'), 'until 2030-01-01T00:00:00.000Z')
  t.is(await say(a, 'TYPE', 'v'), 'directory')
  t.is(await say(a, 'STRLEN', 'v'), '2048 bytes')
  const text = 'key9, directory, 2 files, 2KiB, tag, until 2030-01-01T00:00:00.000Z, held here'
  t.is(await say(a, 'STAT', 'v'), text)
  a.fault = new DstoreError('unreachable', 'gone')
  await t.throwsAsync(say(a, 'PING'), { code: 'unreachable' })
})

test('R007-435 R007-62 a list at the prompt is bounded, and its names are safe to print', async (t) => {
  const { nodes, say } = network()
  const names = async function* (): AsyncGenerator<string> {
    for (;;) yield await Promise.resolve('evil\u202ename')
  }
  nodes[0].names = names
  const lines = (await say(nodes[0], 'KEYS')).split('\n')
  t.is(lines.length, LISTED_NAMES + 1)
  t.is(lines[0], 'evil\\u202ename')
  t.is(lines.at(-1), 'and more: `dstore ls` lists all')
})
