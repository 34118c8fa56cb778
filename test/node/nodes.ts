/**
 * Nodes in one process, over real connections on loopback, for tests: closed, and their folders
 * gone, at the end.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { concat } from '../../src/bytes.ts'
import type { Key } from '../../src/hash/key.ts'
import { parseTicket } from '../../src/membership/ticket.ts'
import { SILENT } from '../../src/log.ts'
import type { GetOptions, Node, ServedNode } from '../../src/node/node.ts'
import { openNode, type NodeOptions } from '../../src/node/open.ts'
import { DISK } from '../disk.ts'
import { eventually } from '../eventually.ts'

export class Nodes {
  readonly #t: ExecutionContext

  constructor(t: ExecutionContext) {
    this.#t = t
  }

  async folder(): Promise<string> {
    const dir = await mkdtemp(join(DISK, 'dstore-node-'))
    this.#t.teardown(() => rm(dir, { recursive: true, force: true }))
    return dir
  }

  async open(options: Partial<NodeOptions> & Pick<NodeOptions, 'role'>): Promise<ServedNode> {
    const dir = options.dir ?? (await this.folder())
    const node = await openNode({
      store: 'memory',
      cacheBytes: 64 << 20,
      log: SILENT,
      ...options,
      dir,
    })
    this.#t.teardown(() => node.close())
    return node
  }

  global(options: Partial<NodeOptions> = {}): Promise<ServedNode> {
    return this.open({ ...options, role: 'global' })
  }

  async local(global: Node, options: Partial<NodeOptions> = {}): Promise<ServedNode> {
    const { ticket } = await global.members.invite({ role: 'admin' })
    const local = await this.open({ ticket: parseTicket(ticket), ...options, role: 'local' })
    await eventually(async () => (await local.status()).global!.state === 'connected')
    return local
  }
}

export { once } from '../../src/bytes.ts'

export async function read(node: Node, key: Key, options?: GetOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  // A piece is valid until the next is requested.
  for await (const piece of (await node.get(key, options)).bytes) parts.push(new Uint8Array(piece))
  return concat(parts)
}
