/** Messages to and from the threads that copy values. */
import type { ByteRange } from '../../hash/tree/tree.ts'

/** A part of a value in a file, to be verified and copied. */
export interface CopyJob {
  /** The file of the value, from its first byte on. */
  readonly source: string
  /** Descriptor of the file that it is copied to. */
  readonly target: number
  /** The whole groups to read; only the value's last may be short. */
  readonly groups: ByteRange
  /** Their chaining values, 32 bytes each. */
  readonly expected: Uint8Array
  /** Length of the value. */
  readonly size: number
  /** What is copied of the value: its first byte becomes the first of the target. */
  readonly range: ByteRange
}

export type CopyReport =
  | { readonly kind: 'copied' }
  /** The file of the value ends too early. */
  | { readonly kind: 'short' }
  /** Offset within the value of the first wrong group, which was not copied. */
  | { readonly kind: 'wrong'; readonly position: number }
  | {
      readonly kind: 'failed'
      readonly doing: 'read' | 'write'
      readonly code: string | undefined
      readonly syscall: string | undefined
      readonly message: string
    }
