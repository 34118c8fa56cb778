/** A daemon with the door `ipfs`, and blocks that it has. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ExecutionContext } from 'ava'
import { base32 } from 'multiformats/bases/base32'
import { CID } from 'multiformats/cid'
import * as multihash from 'multiformats/hashes/digest'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import type { Key } from '../../../src/hash/key.ts'
import type { ServedNode } from '../../../src/node/node.ts'
import { ask, type Answer } from '../../daemon/serving.ts'
import { treeServing } from '../../daemon/tree-serving.ts'

export const RAW = 0x55
export const DAG_PB = 0x70
export const DRISL = 0x71

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

/** A CIDv1 of this codec, hash function and digest. */
export const cidOf = (codec: number, code: number, digest: Uint8Array): CID =>
  CID.createV1(codec, multihash.create(code, digest))

/** The text of a CID whose multihash need not be right. */
export const rawCid = (...bytes: number[]): string => base32.encode(Uint8Array.from(bytes))

export const put = async (node: ServedNode, bytes: Uint8Array, name?: string): Promise<Key> => {
  const named = name === undefined ? {} : { name }
  return (await node.put({ bytes: Readable.from([bytes]) }, named)).key
}

/** Stores bytes under the name of their SHA-256, and gives the digest. */
export async function putForeign(node: ServedNode, bytes: Uint8Array): Promise<Uint8Array> {
  const digest = sha256(bytes)
  await put(node, bytes, digestName('sha2-256', digest))
  return digest
}

export interface Gateway {
  readonly node: ServedNode
  readonly socket: string
  /** GET, unless `method` says otherwise. */
  readonly get: (path: string, headers?: Record<string, string>, method?: string) => Promise<Answer>
}

export async function gateway(t: ExecutionContext): Promise<Gateway> {
  const { daemon, node } = await treeServing(t, { doors: ['ipfs'] })
  const { socket } = daemon
  return {
    node,
    socket,
    get: (path, headers = {}, method = 'GET') => ask(socket, method, path, { headers }),
  }
}

/** The code and the detail of a problem. */
export const problemOf = ({ body }: Answer): { code: string; detail: string; hint?: string } =>
  JSON.parse(body.toString()) as { code: string; detail: string; hint?: string }
