/** Global, as the upload of an inactive store asks it: nothing is kept in the cache. */
import { equal } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { CallOptions } from '../node.ts'
import type { GlobalLink } from '../local/global-link.ts'
import type { Uploader } from '../local/put.ts'
import type { UploadSource } from '../upload/known-upload.ts'

type Digest = Uint8Array

export interface Destination {
  /** Which of these keys exist? At most `BATCH_ITEMS`. */
  has(digests: readonly Digest[], options: CallOptions): Promise<boolean[]>
  /** Puts a value of at most `INLINE_VALUE_BYTES`. Did it exist before? */
  putSmall(
    value: { readonly digest: Digest; readonly bytes: Uint8Array },
    name: string | undefined,
    options: CallOptions,
  ): Promise<boolean>
  putLarge(source: UploadSource, name: string | undefined, options: CallOptions): Promise<boolean>
  /** Puts a value that exists again, without its bytes. False if it does not exist. */
  offer(digest: Digest, size: number, options: CallOptions): Promise<boolean>
  bind(name: string, digest: Digest, options: CallOptions): Promise<void>
  /** The digest that a name is bound to. */
  lookup(name: string, options: CallOptions): Promise<Digest | undefined>
}

export function globalDestination(link: GlobalLink, uploader: Uploader): Destination {
  /** Whatever becomes of it, the next look-up of the name asks Global (004, R004-86). */
  const write = async <T>(name: string | undefined, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } finally {
      if (name !== undefined) link.wrote(name, Infinity)
    }
  }
  return {
    async has(digests, options) {
      const { facts } = await link.ask({ type: 'locate', digests, inline: false }, options)
      return digests.map((_, index) => facts[index] !== undefined)
    },
    async putSmall({ digest, bytes }, name, options) {
      const request = { type: 'put', values: [bytes], name } as const
      const asked = link.ask(request, { ...options, digests: [digest] })
      const { receipts } = await write(name, asked)
      const [receipt] = receipts
      if (receipt !== undefined && equal(receipt.digest, digest)) return receipt.existed
      throw new DstoreError('protocol', 'Global stored other bytes than were sent')
    },
    async putLarge(source, name, options) {
      const put = { ...options, ...(name !== undefined && { name }) }
      return (await write(name, uploader.putKnown(source, put))).existed
    },
    async offer(digest, size, options) {
      const offer = { type: 'offer', digest, size, name: undefined } as const
      return (await link.ask(offer, options)).have !== undefined
    },
    async bind(name, digest, options) {
      await write(name, link.ask({ type: 'bind', name, digest }, options))
    },
    async lookup(name, options) {
      const { found } = await link.ask({ type: 'lookup', name, inline: false }, options)
      return found?.digest
    },
  }
}
