/** What a peer sends, as a transfer that can be cancelled also while its bytes are awaited. */
import type { DstoreError } from '../../errors.ts'
import type { Transfers } from './transfers.ts'
import type { Beginning } from './transfer.ts'

/** The same parts, which are listed until the last one, or until the loop over them is left. */
export async function* received(
  moving: Transfers,
  peer: string,
  facts: Pick<Beginning, 'key' | 'name' | 'size'>,
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let interrupt: ((reason: DstoreError) => void) | undefined
  let cancelled: DstoreError | undefined
  const cancel = (reason: DstoreError): void => {
    cancelled = reason
    interrupt?.(reason)
  }
  const transfer = moving.begin({ ...facts, direction: 'in', cancel })
  const iterator = parts[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      if (cancelled !== undefined) throw cancelled
      // One promise for each part: what races against a lasting one stays in its memory.
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = reject
        iterator.next().then(resolve, reject)
      })
      isOver = next.done === true
      if (next.done === true) return
      yield next.value
      transfer.moved(peer, next.value.byteLength)
    }
  } finally {
    transfer.end()
    // Not awaited: the return of a generator that waits for a peer does not resolve before.
    if (!isOver) iterator.return?.()?.then(undefined, () => undefined)
  }
}
