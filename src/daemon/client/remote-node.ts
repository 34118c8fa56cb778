/** A running daemon as a node: the same calls, over its socket (specs/007, "HTTP API"). */
import type {
  CallOptions,
  InactiveUpload,
  Node,
  NodeInactive,
  NodeMembers,
  Verification,
} from '../../node/node.ts'
import { Client } from './client.ts'
import { putFile, reporting } from './put-file.ts'
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

const remoteNode = (client: Client, role: Node['role']): Node => ({
  role,
  index: remoteIndex(client),
  members: remoteMembers(client),
  ...(role === 'local' && { inactive: remoteInactive(client) }),

  async put(source, options = {}) {
    const calls = client.with(options)
    if ('path' in source) return keyed(await putFile(calls, source.path, options))
    const { bytes, size } = source
    return keyed(
      await calls.putBytes(reporting(bytes, size, options.onProgress), size, options.name),
    )
  },

  async putMany(values, options = {}) {
    return (await client.with(options).putMany(values)).map(keyed)
  },

  async get(key, options = {}) {
    return { ...(await client.with(options).get(key.toString(), options.range)), key }
  },

  async prefetch(key, options = {}) {
    await client.with(options).prefetch(key.toString(), options.onProgress)
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
    client.close()
  },
})

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

const remoteMembers = (client: Client): NodeMembers => ({
  invite({ role, uses, validMs, ...options } = {}) {
    const terms = { ...(role && { role }), ...(uses && { uses }), ...(validMs && { validMs }) }
    return client.with(options).invite(terms)
  },
  list: (options = {}) => client.with(options).members(),
  async admit(peer, role, options = {}) {
    await client.with(options).admit(peer, role)
  },
  expel: (peer, options = {}) => client.with(options).expel(peer),
})
