import { test } from '../../serial.ts'
import { execute, type FoundValue, type Values } from '../../../cli/repl/execute.ts'
import { SHOWN_BYTES } from '../../../cli/repl/display.ts'
import { parseStatement } from '../../../cli/repl/statement.ts'
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
  t.is(await say(a, 'PATH', 'hi'), `Key-Value mapping doesn't exist [3]`)
  await say(a, 'SET', 'hi', 'hello')
  t.is(await say(a, 'path', 'hi'), '/cache/key0')
})

test('R007-61 the answers are the words of the seed', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(b, 'GET', 'hi'), `Key-Value mapping doesn't exist [3]`)
  t.is(await say(a, 'SET', 'hi', 'hello'), 'Database updated')
  t.is(await say(a, 'GET', 'hi'), 'db: hi -> hello')
  t.is(await say(a, 'SET', 'hi', 'other'), 'Key occupied!')
  t.is(await say(b, 'SET', 'hi', 'other'), '(Updated local) Key occupied!')
  t.is(await say(b, 'SET', 'hi', 'hello'), 'Key occupied!')
  t.is(await say(b, 'GET', 'hi'), 'db: hi -> hello')
  b.held.clear()
  t.is(await say(b, 'GET', 'hi'), 'global: hi -> hello (Updating Local)')
  t.is(await say(b, 'GET', 'hi'), 'db: hi -> hello')
  t.is(await say(b, 'DEL', 'hi'), 'Database updated')
  t.is(await say(a, 'GET', 'hi'), `Key-Value mapping doesn't exist [3]`)
  t.is(await say(a, 'DEL', 'hi'), `Key-Value mapping doesn't exist [3]`)
})

test('R007-300 TAG moves a name, which SET does not, and leaves a fixed one', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(a, 'TAG', 'now', 'version', 'one'), 'Database updated')
  t.is(await say(a, 'GET', 'now'), 'db: now -> version one')
  t.is(await say(b, 'TAG', 'now', 'two'), 'Database updated')
  t.is(await say(b, 'GET', 'now'), 'db: now -> two')
  t.is(await say(a, 'SET', 'now', 'three'), '(Updated local) Key occupied!')
  t.is(await say(a, 'SET', 'hi', 'hello'), 'Database updated')
  t.is(await say(b, 'TAG', 'hi', 'other'), '(Updated local) Key occupied!')
  t.is(await say(b, 'GET', 'hi'), 'db: hi -> hello')
  a.interference = () => Promise.reject(new DstoreError('no-space', 'full'))
  await t.throwsAsync(say(a, 'TAG', 'now', 'four'), { code: 'no-space' })
})

test('R007-61 a value without a name is known by its key', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  t.is(await say(a, 'PUT', 'hello'), 'key0')
  t.is(await say(b, 'OUT', 'key0'), 'global: key0 -> hello (Updating Local)')
  t.is(await say(a, 'RM', 'key0'), 'Database updated')
  t.is(await say(b, 'OUT', 'key0'), `Key-Value mapping doesn't exist [3]`)
})

test('R007-61 the slower of two bindings finds the name occupied', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  b.interference = () => say(a, 'SET', 'hi', 'hello')
  t.is(await say(b, 'SET', 'hi', 'other'), '(Updated local) Key occupied!')
})

test('R007-61 a value that does not fit here is occupied, this Local not updated', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'hi', 'hello')
  b.prefetch = () => Promise.reject(new DstoreError('too-large', 'no room'))
  t.is(await say(b, 'SET', 'hi', 'hello'), 'Key occupied!')
})

test('R007-384 PIN and UNPIN say what is kept', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'hi', 'hello')
  t.is(await say(b, 'PIN', 'hi'), 'Pinned hi (5B)')
  t.true(b.pinned.has('hi'))
  t.is(await say(b, 'unpin', 'hi'), 'Unpinned hi')
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
  t.is(await say(a, 'GET', 'hi'), `Key-Value mapping doesn't exist [3]`)
})

test('R007-61 the source is that of the bytes that are shown', async (t) => {
  const { nodes, say } = network()
  const [a, b] = nodes
  await say(a, 'SET', 'big', 'x'.repeat(3 * SHOWN_BYTES))
  t.regex(
    await say(b, 'GET', 'big'),
    /^global: big -> x{4096}\.\.\. \(the first 4KiB of 12KiB\) \(/,
  )
  t.regex(await say(b, 'GET', 'big'), /^db: big -> x{4096}\.\.\. \(the first 4KiB of 12KiB\)$/)
})

test('R007-61 a removal names the Locals that owe it', async (t) => {
  const { global, nodes, say } = network()
  await say(nodes[0], 'SET', 'hi', 'hello')
  global.owed = ['12D3a', '12D3b']
  t.is(await say(nodes[0], 'DEL', 'hi'), 'Database updated, still owed by 12D3a 12D3b [8]')
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
  t.deepEqual(await del(true), { text: 'Database updated', exit: 0 })
  t.deepEqual(await del(false), {
    text: 'Database updated, 3 of at most 9 values removed so far',
    exit: 8,
  })
})

test('R007-265 GET of a directory shows how much is in it', async (t) => {
  const node = new NodeValues(new GlobalValues())
  const directory = { files: 2, totalSize: 2048 }
  const found = { key: 'key1', size: 90, heldBytes: 90, directory }
  node.findName = (name) => Promise.resolve(name === 'v1' ? found : { ...found, heldBytes: 0 })
  const get = async (what: string): Promise<string> =>
    (await execute({ do: 'get', what }, node)).text
  t.is(await get('v1'), 'db: v1 -> (directory: 2 files, 2KiB)')
  t.is(await get('v2'), 'global: v2 -> (directory: 2 files, 2KiB)')
})
