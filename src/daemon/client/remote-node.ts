/** A running daemon as a node: the same calls, over its socket (specs/007, "HTTP API"). */
import type { Key } from '../../hash/key.ts'
import { checkKeeper } from '../../node/calls/hold-id.ts'
import type {
  CallOptions,
  InactiveUpload,
  Node,
  NodeInactive,
  NodeMembers,
  NodePins,
  NodeRules,
  NodeTrees,
  Pin,
  PutResult,
  Verification,
} from '../../node/node.ts'
import type { PinLine, PutAnswer } from '../api/api.ts'
import { errorOf } from '../api/problem.ts'
import { Client } from './client.ts'
import { putFile, reporting } from './put-file.ts'
import { remotePaths } from './paths/remote-paths.ts'
import { keyed, remoteIndex } from './remote-index.ts'

/** Connects to the daemon on this socket; undefined if there is none. */
export async function connectNode(
  socket: string,
  options: CallOptions = {},
): Promise<Node | undefined> {
  const client = await Client.connect(socket)
  try {
    return client && remoteNode(client, (await client.with(options).status()).role)
  } catch (error) {
    client?.close()
    throw error
  }
}

/** The daemon of a client as a node; to be closed with the client. */
export const remoteNode = (
  client: Client,
  role: Node['role'],
  held: Set<() => void> = new Set(),
): Node => ({
  role,
  index: remoteIndex(client),
  members: remoteMembers(client),
  rules: remoteRules(client),
  trees: remoteTrees(client),
  paths: remotePaths(client, held),
  ...(role === 'local' && { inactive: remoteInactive(client), pins: remotePins(client) }),

  async put(source, options = {}) {
    const calls = client.with(options)
    const { name, naming, hold, onProgress } = options
    checkKeeper(options)
    if ('path' in source)
      return stored(await putFile(calls, source.path, { name, naming, hold, onProgress }))
    const { bytes, size } = source
    const sent = reporting(bytes, size, onProgress)
    return stored(await calls.putBytes(sent, size, { name, naming, hold }))
  },

  async putMany(values, options = {}) {
    return (await client.with(options).putMany(values, options.hold)).map(stored)
  },

  async putNamed(items, options = {}) {
    return (await client.with(options).putNamed(items)).map((one) =>
      'problem' in one ? { error: errorOf(one.problem) } : stored(one),
    )
  },

  async get(key, options = {}) {
    return { ...(await client.with(options).get(key.toString(), options.range)), key }
  },

  async prefetch(key, options = {}) {
    await client.with(options).prefetch(key.toString(), options.onProgress, options)
  },

  async evict(key) {
    return (await client.evict(key.toString())).freedBytes
  },

  async *verify({ signal, ...options } = {}) {
    const calls = client.with(signal === undefined ? {} : { signal })
    for await (const { event: type, ...facts } of calls.verify(options)) {
      yield { type, ...('key' in facts ? keyed(facts) : facts) } as Verification
    }
  },

  status: () => client.status(),

  /** Close the connections; the daemon keeps running. */
  async close() {
    // Their connections would keep the process alive.
    for (const release of held) release()
    client.close()
  },
})

const remoteRules = (client: Client): NodeRules => ({
  async set(prefix, bounds, options = {}) {
    await client.with(options).rules.set(prefix, bounds)
  },
  async list(options = {}) {
    const rules = []
    for await (const rule of client.with(options).rules.list()) rules.push(rule)
    return rules
  },
  async remove(prefix, options = {}) {
    await client.with(options).rules.remove(prefix)
  },
})

const remoteTrees = (client: Client): NodeTrees => ({
  openHold: (options = {}) => client.with(options).trees.openHold(),
  releaseHold: (hold, options = {}) => client.with(options).trees.releaseHold(hold),
  present(hold, keys, options = {}) {
    return client.with(options).trees.present(hold, keys.map(String))
  },
  async makeDirectories(hold, keys, options = {}) {
    const made = await client.with(options).trees.makeDirectories(hold, keys.map(String))
    return made.map(({ key, missing }) => ({ ...keyed({ key }), missing: missing.map(parsed) }))
  },
  async commitTree(hold, root, { name, naming, ...options } = {}) {
    return stored(await client.with(options).trees.commit(hold, root.toString(), { name, naming }))
  },
})

const parsed = (key: string): Key => keyed({ key }).key

const remoteInactive = (client: Client): NodeInactive => ({
  async find(keyOrName) {
    const found = await client.findInactive(keyOrName.toString())
    return found && keyed(found)
  },
  async *upload(options = {}) {
    for await (const { event: type, ...facts } of client.with(options).uploadInactive()) {
      yield { type, ...('key' in facts ? keyed(facts) : facts) } as InactiveUpload
    }
  },
  drop: ({ force = false, ...options } = {}) => client.with(options).dropInactive(force),
})

const remotePins = (client: Client): NodePins => ({
  async pin(word, { maxRate, onProgress, ...options } = {}) {
    return pinOf(await client.with(options).pins.pin(word, { maxRate, onProgress }))
  },
  async unpin(word, options = {}) {
    return (await client.with(options).pins.unpin(word)).word
  },
  async find(word, options = {}) {
    return pinOf(await client.with(options).pins.get(word))
  },
  async *pins(options = {}) {
    for await (const line of client.with(options).pins.list()) yield pinOf(line)
  },
})

const pinOf = ({ key, size, ...line }: PinLine): Pin => ({
  ...line,
  key: key === undefined ? undefined : parsed(key),
  size,
})

const remoteMembers = (client: Client): NodeMembers => ({
  invite({ role, uses, validMs, label, ...options } = {}) {
    const given = { ...(role && { role }), ...(uses && { uses }), ...(validMs && { validMs }) }
    const terms = { ...given, ...(label && { label }) }
    return client.with(options).invite(terms)
  },
  list: (options = {}) => client.with(options).members(),
  async admit(peer, role, options = {}) {
    await client.with(options).admit(peer, role)
  },
  expel: (peer, options = {}) => client.with(options).expel(peer),
})

const stored = ({ previous, ...answer }: PutAnswer): PutResult => ({
  ...keyed(answer),
  ...(previous !== undefined && { previous: parsed(previous) }),
})
