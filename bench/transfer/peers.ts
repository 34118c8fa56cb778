/** The parent's view of the processes of the transfer benchmark, and its output. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Measured, Order } from './order.ts'

export const MIB: number = 1 << 20
export const ROUNDS: number = Number(process.env.ROUNDS ?? 5)
export const LARGE_BYTES: number = Number(process.env.MIB ?? 256) * MIB
/** The kind of store of the benchmark's Global. */
export const STORE: 'disk' | 'memory' = process.env.STORE === 'disk' ? 'disk' : 'memory'

/** A child process and its measurements. */
export class Peer {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('peer-process.js', import.meta.url)))

  async do(order: Order): Promise<Measured> {
    const answered = once(this.#child, 'message')
    this.#child.send(order)
    const [answer] = (await answered) as [Measured | { readonly error: string }]
    if ('error' in answer) throw new Error(`${order.do}: ${answer.error}`)
    return answer
  }

  /** Processor time so far in seconds, and bytes of values sent. */
  async usage(): Promise<{ readonly cpu: number; readonly sentBytes: number }> {
    const { text, bytes } = await this.do({ do: 'usage' })
    return { cpu: Number(text), sentBytes: bytes }
  }

  close(): void {
    this.#child.disconnect()
  }
}

export async function withPeers<T>(
  count: number,
  work: (peers: readonly Peer[]) => Promise<T>,
): Promise<T> {
  const peers = Array.from({ length: count }, () => new Peer())
  try {
    return await work(peers)
  } finally {
    for (const peer of peers) peer.close()
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Cells of a table row, the first aligned left. */
export function row([name, ...cells]: readonly string[]): void {
  say(`  ${name!.padEnd(30)}${cells.map((cell) => cell.padStart(9)).join('')}`)
}
