/** The calls that store trees, alike in both roles (specs/008-directories.md, "Rules: holds"). */
import { toHex } from '../../bytes.ts'
import { DstoreError } from '../../errors.ts'
import { Key } from '../../hash/key.ts'
import type { OperationIds } from '../../index/local/operation-ids.ts'
import { checkNewName } from '../../index/name.ts'
import { HOLD_ID_BYTES } from '../../limits.ts'
import type {
  CallOptions,
  CommitTreeOptions,
  HoldId,
  MadeDirectory,
  NodeTrees,
  PutResult,
} from '../node.ts'
import { askBatches, batchesOf } from './batches.ts'
import { namingOf } from './names/naming.ts'
import { putResult } from './names/put-result.ts'
import { holdBytes } from './hold-id.ts'
import type { Ask } from './index-calls.ts'
import { keyOf } from './key-of.ts'

export interface TreeCallsOptions {
  readonly ask: Ask
  readonly random: (bytes: number) => Uint8Array
  /** Of a Local, which may have to repeat a commit. */
  readonly operations?: OperationIds
  /** A commit bound this name. */
  readonly wrote?: (name: string) => void
  /** A commit with this name failed. */
  readonly failed?: (name: string, error: unknown) => Promise<void>
}

/** Batches of keys that are on their way at once: one travels while one is answered. */
const BATCHES_AT_ONCE = 2

export class TreeCalls implements NodeTrees {
  readonly #options: TreeCallsOptions

  constructor(options: TreeCallsOptions) {
    this.#options = options
  }

  async openHold(options: CallOptions = {}): Promise<HoldId> {
    const { ask, random } = this.#options
    const id = random(HOLD_ID_BYTES)
    await ask({ type: 'hold', id, release: false }, options)
    return toHex(id)
  }

  async releaseHold(hold: HoldId, options: CallOptions = {}): Promise<void> {
    await this.#options.ask({ type: 'hold', id: holdBytes(hold), release: true }, options)
  }

  async present(hold: HoldId, keys: readonly Key[], options: CallOptions = {}): Promise<boolean[]> {
    const id = holdBytes(hold)
    return inBatches(keys, async (batch) => {
      const items = batch.map(({ digest, kind }) => ({ digest, directory: kind === 'directory' }))
      const { present } = await this.#options.ask({ type: 'present', hold: id, items }, options)
      return checkedLength(present, batch)
    })
  }

  async makeDirectories(
    hold: HoldId,
    keys: readonly Key[],
    options: CallOptions = {},
  ): Promise<MadeDirectory[]> {
    const id = holdBytes(hold)
    return inBatches(keys, async (batch) => {
      const digests = batch.map(({ digest }) => digest)
      const request = { type: 'make-directories', hold: id, digests } as const
      const { missing } = await this.#options.ask(request, options)
      return checkedLength(missing, batch).map((items, i) => ({
        key: new Key(batch[i]!.digest, 'directory'),
        missing: items.map(({ digest, directory }) => keyOf(digest, directory)),
      }))
    })
  }

  async commitTree(
    hold: HoldId,
    root: Key,
    { name, naming, ...options }: CommitTreeOptions = {},
  ): Promise<PutResult> {
    const { ask, wrote, failed, operations } = this.#options
    const { digest } = root
    const as = name === undefined ? {} : namingOf(naming)
    const request = { type: 'commit-tree', hold: holdBytes(hold), digest, name, ...as } as const
    if (name !== undefined) checkNewName(name)
    try {
      const { receipts } =
        name === undefined || operations === undefined
          ? await ask(request, options)
          : await operations.run((operation) => ask({ ...request, operation }, options))
      if (name !== undefined) wrote?.(name)
      return putResult(new Key(digest, 'directory'), receipts[0]!)
    } catch (error) {
      if (name !== undefined) await failed?.(name, error)
      throw error
    }
  }
}

const inBatches = <T>(
  keys: readonly Key[],
  ask: (batch: readonly Key[]) => Promise<readonly T[]>,
): Promise<T[]> => askBatches(batchesOf(keys), ask, BATCHES_AT_ONCE)

function checkedLength<T>(answers: readonly T[], batch: readonly Key[]): readonly T[] {
  if (answers.length === batch.length) return answers
  throw new DstoreError('protocol', `Global gave ${answers.length} answers of ${batch.length}`)
}
