/** The block of a CID: a value of the node, or bytes that the CID itself has (R010-90, R010-91). */
import { once } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { blockIdOf, parseCid } from '../../hash/cid.ts'
import { hashName } from '../../hash/foreign-cid.ts'
import { hash } from '../../hash/hasher.ts'
import { Key } from '../../hash/key.ts'
import { IDENTITY_BYTES } from '../../limits.ts'
import type { ByteRange } from '../../hash/tree/tree.ts'
import type { RangeRequest, ServedNode } from '../../node/node.ts'
import { callOptions, type HttpCall } from '../../daemon/http/call.ts'
import { over } from '../../daemon/http/tokens/writer-node.ts'

/** A value, and the node that has it. */
export interface Block {
  readonly key: Key
  readonly node: ServedNode
}

/**
 * The block of the CID with this text. Throws `malformed-key` for what is none, `not-found` for one
 * that the node cannot have.
 */
export async function findBlock(call: HttpCall, text: string): Promise<Block> {
  const { node } = call
  const cid = parseCid(text)
  const id = blockIdOf(cid)
  if (id === undefined) {
    const { code, digest } = cid.multihash
    const message = `no such block: none is known by ${digest.byteLength} bytes of ${hashName(code)}`
    throw new DstoreError('not-found', message, {
      hint: 'dstore knows blocks by blake3, sha2-256, sha2-384 and sha2-512, whole',
    })
  }
  // Its bytes are wanted, also of a directory: so the key is that of the bytes, whatever the codec.
  if ('key' in id) return { key: id.key, node }
  if ('bytes' in id) return carried(node, id.bytes)
  const bound = await node.index.lookup(id.name, callOptions(call))
  if (bound !== undefined) return { key: bound.key, node }
  throw new DstoreError('not-found', `no such block: the name ${id.name} is not bound`)
}

/** A node that has these bytes: no store is asked for them. */
function carried(node: ServedNode, bytes: Uint8Array): Block {
  if (bytes.byteLength > IDENTITY_BYTES) {
    const message = `a CID carries at most ${IDENTITY_BYTES} bytes, not ${bytes.byteLength}`
    throw new DstoreError('malformed-key', message)
  }
  const size = bytes.byteLength
  const key = new Key(hash(bytes).digest)
  const facts = { key, size, incarnation: 0, heldBytes: size, names: [], holders: [] }
  return {
    key,
    node: over(node, {
      index: over(node.index, { stat: () => Promise.resolve({ ...facts, confirmed: true }) }),
      get: (_, { range } = {}) => {
        const { start, end } = partOf(size, range)
        if (range !== undefined && start >= end) {
          return Promise.reject(new DstoreError('range', `the block has ${size} bytes`))
        }
        const part = bytes.subarray(start, end)
        return Promise.resolve({ key, size, range: { start, end }, bytes: once(part) })
      },
    }),
  }
}

/** A range, cut to the bytes that there are. */
function partOf(size: number, range: RangeRequest = { start: 0 }): ByteRange {
  if ('last' in range) return { start: Math.max(0, size - range.last), end: size }
  return { start: range.start, end: Math.min(range.end ?? size, size) }
}
