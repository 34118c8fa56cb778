/**
 * Lists what peers fetch from this node. A peer fetches a large value in many requests, some at
 * once: they are one transfer as long as the next one follows soon.
 */
import { toHex } from '../../bytes.ts'
import type { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import { SAMPLE_MS } from '../../limits.ts'
import type { Transfer, Transfers } from './transfers.ts'

interface Served {
  readonly transfer: Transfer
  /** Ends the requests in progress. */
  readonly cancels: Set<(reason: DstoreError) => void>
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
    served.cancels.add(cancel)
    const { transfer } = served
    return {
      moved: (to, bytes) => transfer.moved(to, bytes),
      end: () => {
        served.cancels.delete(cancel)
        if (served.cancels.size > 0) return
        served.over = setTimeout(() => {
          this.#served.delete(id)
          transfer.end()
        }, SAMPLE_MS).unref()
      },
    }
  }

  #list(id: string, digest: Uint8Array, size: number): Served {
    const cancels: Served['cancels'] = new Set()
    const transfer = this.#moving.begin({
      direction: 'out',
      key: new Key(digest),
      size,
      cancel: (reason) => {
        for (const cancel of cancels) cancel(reason)
      },
    })
    const served = { transfer, cancels, over: undefined }
    this.#served.set(id, served)
    return served
  }
}
