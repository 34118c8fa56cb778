/** What statements need of a daemon. */
import type { Acknowledgement } from '../../src/node/node.ts'

export interface FoundValue {
  readonly key: string
  readonly size: number
  /** How much of it this node held before it was asked, in bytes. */
  readonly heldBytes: number
}

/** Calls reject with `DstoreError`. */
export interface Values {
  /** Is it a spelling of a key? Else it is a name. */
  isKey(text: string): Promise<boolean>
  /** Undefined where there is none. */
  findKey(key: string): Promise<FoundValue | undefined>
  findName(name: string): Promise<FoundValue | undefined>
  /** Store text, and bind the name in the same change: `conflict` where it is bound to another value. */
  put(value: string, name?: string): Promise<{ readonly key: string }>
  /** The first bytes of a value, at most so many. */
  read(key: string, mostBytes: number): Promise<Uint8Array>
  /** Bring the value into this node: `too-large` where it has no room. */
  prefetch(key: string): Promise<void>
  /** Unbind the name, and remove its value if that was its last. `not-found` where it is not bound. */
  unbind(name: string): Promise<Acknowledgement>
  /** `conflict` where it has names. */
  remove(key: string): Promise<Acknowledgement>
}
