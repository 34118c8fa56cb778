/** A movement of bytes as those see it who begin it and who move its bytes. */
import type { DstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'

/** What is known of a transfer at its beginning. */
export interface Beginning {
  readonly direction: 'in' | 'out'
  /** Undefined for a stream whose key is known only at its end. */
  readonly key?: Key | undefined
  readonly name?: string | undefined
  readonly size?: number | undefined
  /** Ends it with this reason, which its callers get. */
  readonly cancel: (reason: DstoreError) => void
}

/** A transfer in progress, for those who move its bytes. */
export interface Transfer {
  moved(peer: string, bytes: number): void
  end(): void
}
