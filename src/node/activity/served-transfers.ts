/**
 * Lists what peers fetch from this node. A peer fetches a large value in many requests, some at
 * once: they are one transfer as long as the next one follows soon.
 */
import { toHex } from '../../bytes.ts'
import type { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { SAMPLE_MS } from '../../limits.ts'
import { SharedTransfer } from './shared-transfer.ts'
import type { Transfers } from './transfers.ts'
import type { Transfer } from './transfer.ts'

interface Served {
  readonly transfer: SharedTransfer
  over: NodeJS.Timeout | undefined
}

export class ServedTransfers {
  readonly #moving: Transfers
  readonly #served = new Map<string, Served>()

  constructor(moving: Transfers) {
    this.#moving = moving
  }

  /** A request begins, which `cancel` ends. */
  readonly begin = (
    peer: string,
    { digest, size }: { readonly digest: Uint8Array; readonly size: number },
    cancel: (reason: DstoreError) => void,
  ): Transfer => {
    const id = `${peer} ${toHex(digest)}`
    const served = this.#served.get(id) ?? this.#list(id, digest, size)
    clearTimeout(served.over)
    return served.transfer.join(cancel)
  }

  #list(id: string, digest: Uint8Array, size: number): Served {
    const onIdle = (): void => {
      served.over = setTimeout(() => {
        this.#served.delete(id)
        served.transfer.end()
      }, SAMPLE_MS).unref()
    }
    const facts = { direction: 'out', key: new Key(digest), size } as const
    const transfer = new SharedTransfer((one) => this.#moving.begin(one), facts, onIdle)
    const served: Served = { transfer, over: undefined }
    this.#served.set(id, served)
    return served
  }
}
