/** A running daemon as a node: the same calls, over its socket (specs/007, "HTTP API"). */
import type { CallOptions, Node, NodeMembers, PutResult, Verification } from '../../node/node.ts'
import { FileSource } from '../../store/file/file-source.ts'
import { Client, isForClient } from './client.ts'
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

  async put(source, options = {}) {
    const { onProgress, name } = options
    const calls = client.with(options)
    const putBytes = async (bytes: AsyncIterable<Uint8Array>, size?: number): Promise<PutResult> =>
      keyed(await calls.putBytes(reporting(bytes, size, options), size, name))
    if (!('path' in source)) return putBytes(source.bytes, source.size)
    try {
      return keyed(await calls.putFile(source.path, onProgress, name))
    } catch (error) {
      if (!isForClient(error)) throw error
    }
    const file = await FileSource.open(source.path)
    try {
      const stored = await putBytes(file.read({ start: 0, end: file.size }), file.size)
      await file.checkUnchanged()
      return stored
    } finally {
      await file.close()
    }
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

  async *verify({ signal, repair = false } = {}) {
    const calls = client.with(signal === undefined ? {} : { signal })
    for await (const { event: type, ...facts } of calls.verify(repair)) {
      yield { type, ...('key' in facts ? keyed(facts) : facts) } as Verification
    }
  },

  status: () => client.status(),

  /** Close the connections; the daemon keeps running. */
  async close() {
    client.close()
  },
})

async function* reporting(
  bytes: AsyncIterable<Uint8Array>,
  totalBytes: number | undefined,
  { onProgress }: CallOptions,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0
  for await (const piece of bytes) {
    yield piece
    doneBytes += piece.byteLength
    onProgress?.({ phase: 'store', doneBytes, totalBytes })
  }
}

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
