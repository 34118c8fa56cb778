/**
 * Just enough protobuf (proto3) to speak to a node, written from the schemas that specs/003 and 004
 * show, and from nothing of the product: what is sent here is what a peer of another make would
 * send.
 */

/** A field: its number and what it holds; a list of fields is a message in a message. */
export type Field = readonly [number: number, value: Scalar | readonly Field[]]
export type Scalar = number | bigint | boolean | string | Uint8Array

export function encode(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [number, value] of fields) {
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
      parts.push(varint(number * 8), varint(BigInt(value)))
      continue
    }
    const bytes =
      typeof value === 'string'
        ? new TextEncoder().encode(value)
        : value instanceof Uint8Array
          ? value
          : encode(value)
    parts.push(varint(number * 8 + 2), varint(bytes.byteLength), bytes)
  }
  return Buffer.concat(parts)
}

/**
 * What one message holds, by the number of the field; a message in it is bytes, to be decoded
 * again.
 */
export type Fields = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>

export function decode(bytes: Uint8Array): Fields {
  const fields = new Map<number, (bigint | Uint8Array)[]>()
  let at = 0
  const next = (): bigint => {
    const [value, end] = readVarint(bytes, at)
    at = end
    return value
  }
  while (at < bytes.byteLength) {
    const tag = Number(next())
    const kind = tag % 8
    if (kind !== 0 && kind !== 2) throw new Error(`a field of kind ${kind}`)
    const number = Math.floor(tag / 8)
    let value: bigint | Uint8Array = next()
    if (kind === 2) {
      const length = Number(value)
      value = bytes.subarray(at, at + length)
      at += length
    }
    const values = fields.get(number) ?? []
    values.push(value)
    fields.set(number, values)
  }
  return fields
}

export const numberAt = (fields: Fields, number: number): number =>
  Number((fields.get(number)?.[0] as bigint | undefined) ?? 0n)
export const bytesAt = (fields: Fields, number: number): Uint8Array =>
  (fields.get(number)?.[0] as Uint8Array | undefined) ?? new Uint8Array(0)
export const textAt = (fields: Fields, number: number): string =>
  new TextDecoder().decode(bytesAt(fields, number))

export function varint(value: number | bigint): Uint8Array {
  const digits: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 128n; rest >>= 7n) digits.push(Number(rest & 127n) | 128)
  digits.push(Number(rest))
  return Uint8Array.from(digits)
}

/** The number that begins there and where it ends; throws where it is cut off. */
export function readVarint(bytes: Uint8Array, start: number): [value: bigint, end: number] {
  let value = 0n
  for (let at = start, shift = 0n; ; at++, shift += 7n) {
    const digit = bytes[at]
    if (digit === undefined) throw new RangeError('cut off')
    value |= BigInt(digit & 127) << shift
    if (digit < 128) return [value, at + 1]
  }
}

/** A message as it travels: its length, then itself (000, "Framing"). */
export function frame(message: Uint8Array): Uint8Array {
  return Buffer.concat([varint(message.byteLength), message])
}
