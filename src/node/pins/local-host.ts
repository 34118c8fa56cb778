/** A Local as pins see it. */
import { concat } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import type { Key } from '../../hash/key.ts'
import { DIRECTORY_BYTES, KIB } from '../../limits.ts'
import { sumOf, wholeCharge } from '../cache/charge.ts'
import type { HeldValue } from '../cache/held-value.ts'
import { chargeOf, roomFor } from '../files/file-charge.ts'
import type { CallOptions, Node } from '../node.ts'
import { NoRoom } from '../swarm/download.ts'
import type { Tiers } from '../tiers/tiers.ts'
import { fetchWhole, type FetchInto } from './fetch-whole.ts'
import type { PinFetch, PinHost } from './pin-host.ts'

/**
 * Where there are files, pinned values from this size on live in one, so that memory stays for
 * others, and a file can be mapped at once; smaller ones are faster to read from memory.
 */
const FILE_BYTES = 64 * KIB

export interface LocalHostOptions {
  readonly tiers: Tiers
  readonly into: FetchInto
  readonly node: Pick<Node, 'get' | 'index'>
  /** See `Local.holdFile`. */
  readonly holdFile: (key: Key, options: CallOptions) => Promise<{ release(): void }>
}

export class LocalHost implements PinHost {
  readonly budgetBytes: number
  readonly #options: LocalHostOptions
  readonly #isShared: boolean

  constructor(options: LocalHostOptions) {
    this.#options = options
    const { memory, files } = options.tiers
    // What is pinned always has room in files, if these have a budget of their own.
    const ownBytes = files?.status().budgetBytes
    this.budgetBytes = ownBytes ?? memory.budgetBytes
    this.#isShared = ownBytes === undefined
  }

  lookup: PinHost['lookup'] = (name, options) => this.#options.node.index.lookup(name, options)

  stat: PinHost['stat'] = (key, options) => this.#options.node.index.stat(key, options)

  chargeOf(size: number): number {
    const { files } = this.#options.tiers
    const inMemory = sumOf(wholeCharge(size))
    if (files === undefined) return inMemory
    const inFile = chargeOf(size, roomFor(size, [{ start: 0, end: size }]))
    return this.#isShared ? Math.max(inFile, inMemory) : inFile
  }

  held(key: Key, anywhere: boolean): HeldValue | undefined {
    const { memory, files } = this.#options.tiers
    const inFile = files?.peek(key)
    if (inFile?.isWhole === true && !inFile.isUnchecked && isUsable(inFile)) return inFile
    const inMemory = memory.peek(key)
    if (inMemory === undefined || !inMemory.held.complete || !isUsable(inMemory)) return undefined
    return anywhere || !this.#isForFile(inMemory.size) ? inMemory : undefined
  }

  async fetch(key: Key, size: number, options: PinFetch): Promise<void> {
    const { files } = this.#options.tiers
    const memory = (): Promise<void> => this.#fetchToMemory(key, options)
    const file = (): Promise<void> => this.#fetchToFile(key, options)
    if (files === undefined) return memory()
    const [first, second] = this.#isForFile(size) ? [file, memory] : [memory, file]
    try {
      await first()
    } catch (error) {
      if (asDstoreError(error).code !== 'no-space') throw error
      await second()
    }
  }

  async readDirectory(key: Key, options: CallOptions): Promise<Uint8Array> {
    const { size, bytes } = await this.#options.node.get(key, options)
    if (size > DIRECTORY_BYTES) {
      throw new DstoreError('too-large', `${key.toString()} is no directory`)
    }
    const parts: Uint8Array[] = []
    // A part is valid only until the next one is asked for.
    for await (const part of bytes) parts.push(Uint8Array.from(part))
    return concat(parts)
  }

  #isForFile(size: number): boolean {
    return this.#options.tiers.files !== undefined && size >= FILE_BYTES
  }

  async #fetchToMemory(key: Key, options: PinFetch): Promise<void> {
    try {
      await fetchWhole(this.#options.into, key, options)
    } catch (error) {
      if (!(error instanceof NoRoom)) throw error
      throw new DstoreError('no-space', error.message, { cause: error })
    }
  }

  async #fetchToFile(key: Key, options: PinFetch): Promise<void> {
    const { tiers, node, holdFile } = this.#options
    const { pace, ...others } = options
    const inMemory = tiers.memory.peek(key)
    if (inMemory?.held.complete === true && isUsable(inMemory)) {
      if ((await tiers.files!.adopt(inMemory, tiers.memory)) !== undefined) return
    }
    if (pace !== undefined) {
      // Every read of a value that has a file fetches into it.
      const facts = await node.index.stat(key, others)
      if (facts?.confirmed === true) tiers.files!.prepare(key, facts.size, facts.incarnation)
      await this.#fetchToMemory(key, options)
    }
    const file = await holdFile(key, others)
    file.release()
  }
}

/** Confirmed, and not removed. */
const isUsable = ({ isVoid, isDropped }: HeldValue): boolean => !isVoid && !isDropped
