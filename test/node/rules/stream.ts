/** A stream of puts through a rule of a bounded size, at a node with a store on disk. */
import type { Node } from '../../../src/node/node.ts'
import { once } from '../nodes.ts'

export interface Stream {
  readonly prefix: string
  /** The bound of the rule, bytes. */
  readonly maxSize: number
  readonly values: number
  /** Bytes of each. */
  readonly size: number
  readonly atOnce: number
  /** The number of the first value. Default: 0. */
  readonly first?: number
}

export interface Streamed {
  /** The most bytes that the store held, and that the rule said it did. */
  readonly mostStored: number
  readonly mostCharged: number
  /** CPU and elapsed milliseconds. */
  readonly cpuMs: number
  readonly elapsedMs: number
}

/** A value that no other number gives. */
export function valueOf(n: number, size: number): Uint8Array {
  const value = new Uint8Array(size).fill(n % 251)
  new DataView(value.buffer).setUint32(0, n)
  return value
}

/** Puts values under names below the prefix, and looks at what is held, meanwhile. */
export async function putThrough(
  node: Node,
  { prefix, values, size, atOnce, first = 0 }: Stream,
): Promise<Streamed> {
  let next = 0
  let mostStored = 0
  let mostCharged = 0
  const look = async (): Promise<void> => {
    const { store } = await node.status()
    mostStored = Math.max(mostStored, store!.valueBytes)
    for (const rule of await node.rules.list()) mostCharged = Math.max(mostCharged, rule.size)
  }
  const worker = async (): Promise<void> => {
    while (next < values) {
      const n = next++
      const bytes = once(valueOf(first + n, size))
      await node.put({ bytes, size }, { name: `${prefix}${n}` })
      if (n % 16 === 0) await look()
    }
  }
  const cpu = process.cpuUsage()
  const began = performance.now()
  await Promise.all(Array.from({ length: atOnce }, worker))
  const { user, system } = process.cpuUsage(cpu)
  await look()
  const elapsedMs = performance.now() - began
  return { mostStored, mostCharged, cpuMs: (user + system) / 1000, elapsedMs }
}
