/** A tier of files in a temporary folder, and values to put into it. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { DstoreError, type ErrorCode } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { SEGMENT_BYTES } from '../../../src/limits.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import type { FileTier, FileValue } from '../../../src/node/files/file-tier.ts'
import { openFileTier, type FileTierOptions } from '../../../src/node/files/open-file-tier.ts'
import type { LogFacts } from '../../../src/log.ts'
import { pattern } from '../../hash/sizes.ts'
import { inTemporary } from '../../store/temporary.ts'

export interface Sample {
  readonly key: Key
  readonly bytes: Uint8Array
  readonly outboard: Uint8Array
}

/** A value of its own for each number. */
export function sample(size: number, number = 0): Sample {
  const bytes = Uint8Array.from(pattern(size))
  if (size > 0) bytes[0] = number
  const { digest, outboard } = hash(bytes)
  return { key: new Key(digest), bytes, outboard }
}

export interface Opened {
  readonly tier: FileTier
  readonly directory: string
  readonly budget: CacheBudget
  readonly warnings: (readonly [message: string, facts: LogFacts | undefined])[]
}

export async function open(
  directory: string,
  budgetBytes: number,
  more: Partial<FileTierOptions> = {},
): Promise<Opened> {
  const warnings: Opened['warnings'] = []
  const log = {
    debug() {},
    info() {},
    error() {},
    warn: (message: string, facts?: LogFacts) => void warnings.push([message, facts]),
  }
  const budget = more.budget ?? new CacheBudget(budgetBytes)
  const tier = await openFileTier({
    directory,
    budget,
    isShared: false,
    random: (length) => Uint8Array.from(randomBytes(length)),
    log,
    ...more,
  })
  return { tier, directory, budget, warnings }
}

export async function withTier<T>(
  budgetBytes: number,
  run: (opened: Opened) => Promise<T>,
  more: Partial<FileTierOptions> = {},
): Promise<T> {
  return inTemporary(async (parent) => {
    const directory = join(parent, 'cache')
    const opened = await open(directory, budgetBytes, more)
    try {
      return await run(opened)
    } finally {
      await opened.tier.close()
    }
  })
}

/** As a source sends it: segment by segment, with the whole outboard in the first run. */
export async function receive(
  value: FileValue,
  { bytes, outboard }: Sample,
  { start, end }: ByteRange = { start: 0, end: bytes.byteLength },
): Promise<void> {
  const receiver = value.receive()
  try {
    for (let at = start; at < end || at === start; at += SEGMENT_BYTES) {
      const to = Math.min(end, at + SEGMENT_BYTES)
      const memory = receiver.memoryFor({ start: at, end: to })
      memory.set(bytes.subarray(at, to))
      const pairs = at === start ? [{ outboardOffset: 0, bytes: outboard }] : []
      await receiver.keep({ start: at, bytes: memory, isWhole: true, pairs })
    }
  } finally {
    receiver.end()
  }
}

/** Puts a whole value into the tier, as a download does. */
export async function fill(tier: FileTier, one: Sample, incarnation = 1): Promise<FileValue> {
  const size = one.bytes.byteLength
  const value = tier.prepare(one.key, size, incarnation)
  if (value === undefined) throw new Error('the tier does not take it')
  const release = value.use()
  try {
    if (!tier.claim(value, { start: 0, end: size })) throw new Error('there is no room')
    await receive(value, one)
  } finally {
    tier.settle(value)
    release()
  }
  return value
}

/** A range as it is served. */
export async function read(
  value: FileValue,
  range: ByteRange = { start: 0, end: value.size },
): Promise<Buffer> {
  const release = value.use()
  const served = value.served(value.dropped, release)
  const parts: Uint8Array[] = []
  try {
    for await (const part of served.read(range)) parts.push(part)
  } finally {
    served.release(false)
  }
  return Buffer.concat(parts)
}

export async function codeOf(work: () => unknown): Promise<ErrorCode | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof DstoreError) return error.code
    throw error
  }
}

/** Every file below a folder: its path there, and its mode. */
export function filesBelow(directory: string): Map<string, number> {
  const files = new Map<string, number>()
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path, statSync(path).mode & 0o777)
  }
  return files
}
