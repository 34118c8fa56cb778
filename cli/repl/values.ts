/** What statements need of a daemon, and what they answer. */
import type { Acknowledgement } from '../../src/node/node.ts'

export interface FoundValue {
  readonly key: string
  readonly size: number
  /** How much of it this node held before the call, in bytes. */
  readonly heldBytes: number
  /** Of a name: when it expires, ISO 8601. */
  readonly expiresAt?: string | undefined
  /** Of a name. */
  readonly kind?: 'fixed' | 'tag' | undefined
  /** Totals of a directory. */
  readonly directory?: { readonly files: number; readonly totalSize: number }
}

/** What statements need of a daemon. Calls reject with `DstoreError`. */
export interface Values {
  /** Is it a spelling of a key? If not, it is a name. */
  isKey(text: string): Promise<boolean>
  /** What a key, a name or a spelling of a key leads to (R007-430); undefined for nothing. */
  find(what: string): Promise<FoundValue | undefined>
  /** Undefined if the name is not bound. */
  findName(name: string): Promise<FoundValue | undefined>
  /** Store text, bind the name in the same change; `conflict` if another value has it. */
  put(value: string, name?: string): Promise<{ readonly key: string }>
  /** Store text, and move the tag to it; `conflict` if the name is fixed. */
  tag(value: string, name: string): Promise<unknown>
  /** The first `mostBytes` bytes of a value, or all of a shorter one. */
  read(key: string, mostBytes: number): Promise<Uint8Array>
  /** The path of a file of a value, or of a folder of a directory, held for a minute. */
  path(keyOrName: string): Promise<string>
  /** Fetch the value into the cache of this node; `too-large` if it does not fit. */
  prefetch(key: string): Promise<void>
  /** Unbind the name, and remove its value with its last name. `not-found` if it is not bound. */
  unbind(name: string): Promise<Acknowledgement>
  /** `conflict` if the value has names. */
  remove(key: string): Promise<Acknowledgement>
  /** Keep it on this machine; resolves to its size in bytes once all of it is here. */
  pin(what: string): Promise<number>
  /** `not-found` if it is not pinned. */
  unpin(what: string): Promise<void>
  /** Names in order, at most `limit`. */
  names(query: NamesAsked): AsyncIterable<string>
  /** What the store of Global has. */
  contents(): Promise<{ readonly values: number; readonly valueBytes: number }>
  role(): Promise<string>
}

export interface NamesAsked {
  readonly prefix?: string
  readonly match?: string
  readonly limit: number
}

export interface Answer {
  /** One line, or a line for each item of a list. */
  readonly text: string
  /** The exit code of a command with this outcome. */
  readonly exit: number
}
