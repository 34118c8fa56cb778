/** Global, as the upload of an inactive store asks it: nothing is kept in the cache. */
import { equal, toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import type { Naming } from '../../index/message.ts'
import { HOLD_ID_BYTES } from '../../limits.ts'
import type { CallOptions, PutOptions } from '../node.ts'
import type { GlobalLink } from '../local/global-link.ts'
import type { Uploader } from '../local/put.ts'
import type { UploadSource } from '../upload/known-upload.ts'

type Digest = Uint8Array

/** A name that is to be bound as it is in the store. */
export interface NamedAs {
  readonly name: string
  readonly naming?: Naming
}

export interface Destination {
  /** Which of these keys exist? At most `BATCH_ITEMS`. */
  has(digests: readonly Digest[], options: CallOptions): Promise<boolean[]>
  /** Puts a value of at most `INLINE_VALUE_BYTES`. Did it exist before? */
  putSmall(
    value: { readonly digest: Digest; readonly bytes: Uint8Array },
    as: NamedAs | undefined,
    options: CallOptions,
  ): Promise<boolean>
  putLarge(source: UploadSource, as: NamedAs | undefined, options: CallOptions): Promise<boolean>
  /** Puts a value that exists again, without its bytes. False if it does not exist. */
  offer(digest: Digest, size: number, options: CallOptions): Promise<boolean>
  /** Never moves a tag: `conflict` if it is bound to another key. */
  bind(as: NamedAs, digest: Digest, options: CallOptions): Promise<void>
  /** The digest that a name is bound to. */
  lookup(name: string, options: CallOptions): Promise<Digest | undefined>
}

export function globalDestination(
  link: GlobalLink,
  uploader: Uploader,
  random: (bytes: number) => Uint8Array,
): Destination {
  /** Whatever becomes of it, the next look-up of the name asks Global (004, R004-86). */
  const write = async <T>(name: string | undefined, work: Promise<T>): Promise<T> => {
    try {
      return await work
    } finally {
      if (name !== undefined) link.wrote(name, Infinity)
    }
  }
  const bind = async (as: NamedAs, digest: Digest, options: CallOptions): Promise<void> => {
    await write(as.name, link.ask({ type: 'bind', ...as, digest }, options))
  }
  /** A put under a tag would move it. A hold keeps the value until the tag is bound, or refused. */
  const putBeforeTag = async (
    as: NamedAs,
    digest: Digest,
    options: CallOptions,
    put: (hold: Uint8Array) => Promise<boolean>,
  ): Promise<boolean> => {
    const hold = { type: 'hold', id: random(HOLD_ID_BYTES) } as const
    const { signal } = options
    const call = signal === undefined ? {} : { signal }
    await link.ask({ ...hold, release: false }, call)
    try {
      const existed = await put(hold.id)
      await bind(as, digest, call)
      return existed
    } finally {
      // Where that fails, the hold ends by itself.
      await link.ask({ ...hold, release: true }, call).catch(() => undefined)
    }
  }
  const putSmall: Destination['putSmall'] = async ({ digest, bytes }, as, options) => {
    const ask = async (kept: { name?: string; naming?: Naming; hold?: Uint8Array }) => {
      const request = { type: 'put', values: [bytes], name: undefined, ...kept } as const
      const { receipts } = await link.ask(request, { ...options, digests: [digest] })
      const [receipt] = receipts
      if (receipt !== undefined && equal(receipt.digest, digest)) return receipt.existed
      throw new DstoreError('protocol', 'Global stored other bytes than were sent')
    }
    if (as?.naming?.tag === true) {
      return putBeforeTag(as, digest, options, (hold) => ask({ hold }))
    }
    return write(as?.name, ask(as === undefined ? {} : { ...as }))
  }
  const putLarge: Destination['putLarge'] = async (source, as, options) => {
    const { digest } = source
    const put = async (kept: Pick<PutOptions, 'name' | 'naming' | 'hold'>): Promise<boolean> =>
      (await uploader.putKnown(source, { ...options, ...kept })).existed
    if (as?.naming?.tag === true) {
      return putBeforeTag(as, digest, options, (hold) => put({ hold: toHex(hold) }))
    }
    if (as === undefined) return put({})
    const { expiresMs } = as.naming ?? {}
    const naming = expiresMs === undefined ? {} : { naming: { expiresMs } }
    return write(as.name, put({ name: as.name, ...naming }))
  }
  return {
    async has(digests, options) {
      const { facts } = await link.ask({ type: 'locate', digests, inline: false }, options)
      return digests.map((_, index) => facts[index] !== undefined)
    },
    putSmall,
    putLarge,
    async offer(digest, size, options) {
      const offer = { type: 'offer', digest, size, name: undefined } as const
      return (await link.ask(offer, options)).have !== undefined
    },
    bind,
    async lookup(name, options) {
      const { found } = await link.ask({ type: 'lookup', name, inline: false }, options)
      return found?.digest
    },
  }
}
