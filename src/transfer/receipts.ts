/** Acknowledges the bytes of an upload (specs/003-transfer.md, R003-117). */
import { MIB } from '../limits.ts'
import type { Message } from './message.ts'
import type { TransferChannel } from './transfer-channel.ts'

/** The shortest interval between receipts, in milliseconds: short while the window is small. */
const RECEIPT_MS = 2
const LATER_RECEIPT_MS = 10

/** The bytes after which the window has found what the link carries. */
const EARLY_BYTES = 32 * MIB

/**
 * Tells the sender what has arrived: at once after a pause, and then every few milliseconds. While
 * the channel has not taken one, the next waits, so a sender that reads none costs nothing.
 */
export class Receipts {
  readonly #transfer: TransferChannel
  #receivedBytes = 0
  #sentBytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(transfer: TransferChannel) {
    this.#transfer = transfer
  }

  add(count: number): void {
    this.#receivedBytes += count
    if (this.#timer === undefined) this.#send()
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #send(): void {
    this.#timer = undefined
    if (this.#receivedBytes === this.#sentBytes) return
    const waitMs = this.#receivedBytes < EARLY_BYTES ? RECEIPT_MS : LATER_RECEIPT_MS
    this.#timer = setTimeout(() => this.#send(), waitMs)
    if (this.#transfer.queuedBytes > 0) return
    this.#sentBytes = this.#receivedBytes
    const receipt: Message = { type: 'received', bytes: this.#receivedBytes }
    void this.#transfer.send(receipt).catch(() => undefined)
  }
}
