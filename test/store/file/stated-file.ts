/** Files whose stated size is not their length: one in memory, and those of the system. */
import type { BigIntStats } from 'node:fs'
import type { OpenFile } from '../../../src/store/file/file-source.ts'

/** Procfs states 0 bytes, sysfs a page. Their contents stay the same during a test. */
export const SYSTEM_FILES: readonly string[] = [
  '/proc/version',
  '/proc/filesystems',
  '/proc/self/limits',
  '/proc/kallsyms',
  '/sys/class/net/lo/address',
  '/sys/devices/system/cpu/possible',
]

/** An open file that gives its bytes, and states any size. */
export class StatedFile implements OpenFile {
  readonly fd: number = -1
  bytes: Uint8Array
  stated: bigint
  mtimeNs: bigint = 1n
  inode: bigint = 7n
  /** Whether it can be read at a position. */
  seeks: boolean = true
  /** Bytes given by all reads. */
  givenBytes: number = 0
  readonly #maxRead: number
  #position = 0

  constructor(bytes: Uint8Array, stated: number | bigint, maxRead: number) {
    this.bytes = bytes
    this.stated = BigInt(stated)
    this.#maxRead = maxRead
  }

  stat = (() => {
    const { stated: size, inode: ino, mtimeNs } = this
    const kind = { isFile: () => true, isDirectory: () => false }
    return Promise.resolve({ ...kind, dev: 3n, ino, size, mtimeNs } as BigIntStats)
  }) as unknown as OpenFile['stat']

  read = ((into: Uint8Array, offset: number, length: number, position: number | null) => {
    if (position !== null && !this.seeks) {
      return Promise.reject(Object.assign(new Error('ESPIPE'), { code: 'ESPIPE' }))
    }
    // Node, too, takes a position that is no safe integer for none.
    const isNext = position === null || !Number.isSafeInteger(position)
    const at = isNext ? this.#position : position
    const found = this.bytes.subarray(at, at + Math.min(length, this.#maxRead))
    into.set(found, offset)
    this.givenBytes += found.byteLength
    if (isNext) this.#position += found.byteLength
    return Promise.resolve({ bytesRead: found.byteLength, buffer: into })
  }) as OpenFile['read']

  close(): Promise<void> {
    return Promise.resolve()
  }
}
