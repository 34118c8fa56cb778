/**
 * A Local that says that it holds a value, and then lies. It has the value from Global, as an honest peer, so a slice is
 * true but for what the lie changes, and no lie fails for another reason than its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TRANSFER, transfer } from './messages.ts'
import type { Line, Peer } from './peer.ts'
import { bytesAt, decode, numberAt } from './protobuf.ts'
import type { Field, Fields } from './protobuf.ts'
import type { Scope, Target } from './arena.ts'

export const PIECE_BYTES: number = 1 << 20

export interface Range {
  readonly start: number
  readonly end: number
}

/** What was asked for, and how to come by the true answer. */
export interface Asked {
  readonly line: Line
  readonly size: number
  readonly ranges: readonly Range[]
  /** The true slice of a range. */
  readonly slice: (range: Range) => Uint8Array
}

/** How it answers a fetch. */
export type Lie = (asked: Asked) => Promise<void>

export class LyingHolder {
  readonly peer: Peer
  /** How often it was asked for bytes. */
  asked: number = 0
  readonly #globalAddress: string
  /** Combined forms of the values that it says it holds, by digest in hexadecimal. */
  readonly #values = new Map<string, Uint8Array>()

  private constructor(peer: Peer, globalAddress: string) {
    this.peer = peer
    this.#globalAddress = globalAddress
  }

  static async start(t: Scope, global: Target, lie: Lie): Promise<LyingHolder> {
    const peer = await global.member(t, 'writer', { listen: true })
    const holder = new LyingHolder(peer, global.address)
    await peer.handle(TRANSFER, (line) => holder.#serve(line, lie))
    return holder
  }

  /** Let Global name it to whoever fetches this value. */
  async hold(digest: Uint8Array, size: number): Promise<void> {
    const all = await sliceFrom(this.peer, this.#globalAddress, digest, { start: 0, end: size })
    this.#values.set(Buffer.from(digest).toString('hex'), all)
    const line = await this.peer.open(this.#globalAddress, TRANSFER)
    await line.send(
      transfer('join', [
        [1, digest],
        [2, this.peer.address],
      ]),
    )
    const answer = await line.transfer()
    if (answer?.kind !== 'company') throw new Error(`not company: ${answer?.kind}`)
    line.stream.abort(new Error('done'))
  }

  async #serve(line: Line, lie: Lie): Promise<void> {
    for (;;) {
      const message = await line.transfer()
      if (message?.kind !== 'fetch') return
      const combined = this.#values.get(Buffer.from(bytesAt(message.fields, 1)).toString('hex'))
      if (combined === undefined) return
      const size = sizeOf(combined)
      const ranges = (message.fields.get(2) ?? []).map((range) =>
        rangeOf(decode(range as Uint8Array)),
      )
      // Who only asks what is held is told: everything.
      if (ranges.length === 0) {
        await line.send(found(size))
        continue
      }
      this.asked++
      await lie({ line, size, ranges, slice: (range) => cut(combined, range) })
    }
  }
}

/** The slice of one range, from an honest node. */
export async function sliceFrom(
  peer: Peer,
  address: string,
  wanted: Uint8Array,
  range: Range,
): Promise<Uint8Array> {
  const line = await peer.open(address, TRANSFER)
  await line.send(transfer('fetch', [[1, wanted], rangeField(range)]))
  const answer = await line.transfer()
  if (answer?.kind !== 'found') throw new Error(`not found but ${answer?.kind}`)
  const size = numberAt(answer.fields, 1)
  const parts: Uint8Array[] = []
  for (let left = sliceLength(size, range); left > 0;) {
    const piece = await line.transfer()
    if (piece?.kind !== 'piece') throw new Error(`not a piece but ${piece?.kind}`)
    parts.push(await line.bytes(numberAt(piece.fields, 1)))
    left -= parts.at(-1)!.byteLength
  }
  line.stream.abort(new Error('done'))
  return Buffer.concat(parts)
}

const GROUP = 16_384

/** How long a slice is (002, "Slices"): header, the pairs above the groups that the range touches, and these. */
function sliceLength(size: number, range: Range): number {
  return sliceParts(size, range).reduce((sum, { length, wanted }) => sum + (wanted ? length : 0), 0)
}

/** The slice of a range, out of the combined form of the value. */
export function cut(combined: Uint8Array, range: Range): Uint8Array {
  const size = sizeOf(combined)
  const taken: Uint8Array[] = []
  let at = 0
  for (const { length, wanted } of sliceParts(size, range)) {
    if (wanted) taken.push(combined.subarray(at, at + length))
    at += length
  }
  return Buffer.concat(taken)
}

/** What the combined form is made of, in order, and which of it belongs to the slice of a range. */
function sliceParts(size: number, range: Range): { length: number; wanted: boolean }[] {
  const parts = [{ length: 8, wanted: true }]
  const walk = (start: number, end: number): void => {
    const wanted = range.end > start && range.start < end
    if (end - start <= GROUP) {
      parts.push({ length: end - start, wanted })
      return
    }
    parts.push({ length: 64, wanted })
    let left = GROUP
    while (2 * left < end - start) left *= 2
    walk(start, start + left)
    walk(start + left, end)
  }
  walk(0, size)
  return parts
}

export const rangeField = ({ start, end }: Range): Field => [
  2,
  [
    [1, start],
    [2, end],
  ],
]

export const found = (size: number, held: Range = { start: 0, end: size }): Uint8Array =>
  transfer('found', [[1, size], rangeField(held)])

/** Bytes as pieces. */
export async function sendPieces(line: Line, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES)
    await line.send(transfer('piece', [[1, piece.byteLength]]))
    await line.send(piece)
  }
}

/** For ever, or until the other side has had enough. */
export async function forever(line: Line, ms: number, turn: () => Promise<void>): Promise<void> {
  while (line.stream.status === 'open') {
    await turn()
    await sleep(ms)
  }
}

const sizeOf = (combined: Uint8Array): number => Number(Buffer.from(combined).readBigUInt64LE())

function rangeOf(fields: Fields): Range {
  return { start: numberAt(fields, 1), end: numberAt(fields, 2) }
}
