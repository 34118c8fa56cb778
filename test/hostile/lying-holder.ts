/**
 * A Local that announces a value and then lies about it. It fetched the value from Global, so its
 * answers are right except for the lie, and fail for no other reason.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TRANSFER, transfer } from './messages.ts'
import type { Line, Peer } from './peer.ts'
import { bytesAt, decode, numberAt } from './protobuf.ts'
import type { Field, Fields } from './protobuf.ts'
import type { Scope, Target } from './arena.ts'

const PIECE_BYTES: number = 1 << 20

export interface Range {
  readonly start: number
  readonly end: number
}

/** A request, and the right answer to it. */
export interface Asked {
  readonly line: Line
  readonly size: number
  readonly ranges: readonly Range[]
  /** The true pieces of the slice of a range. */
  readonly pieces: (range: Range) => Uint8Array[]
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

  /** Makes Global name it as a holder of this value. */
  async hold(digest: Uint8Array, size: number): Promise<void> {
    const all = await combinedFrom(this.peer, this.#globalAddress, digest, size)
    this.#values.set(Buffer.from(digest).toString('hex'), all)
    const line = await this.peer.open(this.#globalAddress, TRANSFER)
    await line.send(
      transfer('join', [
        [1, digest],
        [2, this.peer.address],
      ]),
    )
    const answer = await line.transfer()
    if (answer?.kind !== 'holders') throw new Error(`not holders: ${answer?.kind}`)
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
      // Asked which ranges it holds, it says all.
      if (ranges.length === 0) {
        await line.send(found(size))
        continue
      }
      this.asked++
      await lie({ line, size, ranges, pieces: (range) => piecesOf(combined, range) })
    }
  }
}

/** The combined form of a value, from an honest node. */
export async function combinedFrom(
  peer: Peer,
  address: string,
  wanted: Uint8Array,
  size: number,
): Promise<Uint8Array> {
  const range = { start: 0, end: size }
  const line = await peer.open(address, TRANSFER)
  await line.send(transfer('fetch', [[1, wanted], rangeField(range)]))
  const answer = await line.transfer()
  if (answer?.kind !== 'found') throw new Error(`not found but ${answer?.kind}`)
  const combined = Buffer.alloc(
    sliceParts(size, range).reduce((sum, { length }) => sum + length, 0),
  )
  for (const parts of spans(size, range)) {
    const piece = await line.transfer()
    if (piece?.kind !== 'piece') throw new Error(`not a piece but ${piece?.kind}`)
    const bytes = await line.bytes(numberAt(piece.fields, 1))
    let at = 0
    for (const part of parts) {
      combined.set(bytes.subarray(at, at + part.length), part.at)
      at += part.length
    }
    if (at !== bytes.byteLength) throw new Error(`a piece of ${bytes.byteLength}, not ${at}`)
  }
  line.stream.abort(new Error('done'))
  return combined
}

/** The pieces of the slice of a range, out of the combined form of the value. */
export function piecesOf(combined: Uint8Array, range: Range): Uint8Array[] {
  return spans(sizeOf(combined), range).map((parts) =>
    Buffer.concat(parts.map(({ at, length }) => combined.subarray(at, at + length))),
  )
}

const GROUP = 16_384

/** A header, a pair or a group: where it is in the combined form. */
interface Part {
  readonly at: number
  readonly length: number
  /** Where a group begins in the value. */
  readonly group: number | undefined
  readonly wanted: boolean
}

/**
 * What each piece of a slice is made of (003, "Pieces"): what of it is proof, then the groups of
 * one span.
 */
function spans(size: number, range: Range): Part[][] {
  const pieces: { span: number; proof: Part[]; groups: Part[] }[] = []
  let proof: Part[] = []
  for (const part of sliceParts(size, range).filter(({ wanted }) => wanted)) {
    if (part.group === undefined) {
      proof.push(part)
      continue
    }
    const span = Math.floor(part.group / PIECE_BYTES)
    if (pieces.at(-1)?.span !== span) pieces.push({ span, proof: [], groups: [] })
    pieces.at(-1)!.proof.push(...proof)
    pieces.at(-1)!.groups.push(part)
    proof = []
  }
  return pieces.map(({ proof, groups }) => [...proof, ...groups])
}

/**
 * What the combined form is made of, in order, and which of it belongs to the slice of a range
 * (002, "Slices").
 */
function sliceParts(size: number, range: Range): Part[] {
  const parts: Part[] = [{ at: 0, length: 8, group: undefined, wanted: true }]
  const add = (length: number, group: number | undefined, wanted: boolean): void => {
    const { at, length: before } = parts.at(-1)!
    parts.push({ at: at + before, length, group, wanted })
  }
  const walk = (start: number, end: number): void => {
    const wanted = range.end > start && range.start < end
    if (end - start <= GROUP) return add(end - start, start, wanted)
    add(64, undefined, wanted)
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

/** Each as a piece. */
export async function sendPieces(line: Line, ...pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    await line.send(transfer('piece', [[1, piece.byteLength]]))
    await line.send(piece)
  }
}

/** Repeats until the other side closes the stream. */
export async function untilClosed(
  line: Line,
  ms: number,
  turn: () => Promise<void>,
): Promise<void> {
  while (line.stream.status === 'open') {
    await turn()
    await sleep(ms)
  }
}

const sizeOf = (combined: Uint8Array): number => Number(Buffer.from(combined).readBigUInt64LE())

function rangeOf(fields: Fields): Range {
  return { start: numberAt(fields, 1), end: numberAt(fields, 2) }
}
