/**
 * The part of a WebAssembly assembler that the BLAKE3 kernel needs. Code is composed as
 * expressions: a function takes the code of its operands and returns the code that leaves their
 * result on the stack. It optimises and reorders nothing: the module holds exactly what the source
 * says.
 */

export type Code = readonly number[]

/** A local of a function under construction, by index. */
export type Local = number & { readonly __local: unique symbol }

/** A sequence, or the same thing repeated. */
export const seq = (...parts: readonly Code[]): Code => parts.flat()

// Numbers: LEB128, and bytes in little-endian order.

function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 0x80 : low)
  } while (rest > 0)
  return bytes
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value | 0; ;) {
    const low = rest & 0x7f
    rest >>= 7
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
    bytes.push(done ? low : low | 0x80)
    if (done) return bytes
  }
}

const littleEndian = (word: number): number[] =>
  [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff)

// Locals and 32-bit integers.

export const get = (local: Local): Code => [0x20, ...unsigned(local)]
export const set = (local: Local, value: Code): Code => [...value, 0x21, ...unsigned(local)]

export const i32 = (value: number): Code => [0x41, ...signed(value)]
type Binary = (a: Code, b: Code) => Code
const binary =
  (opcode: number): Binary =>
  (a, b) => [...a, ...b, opcode]
export const add: Binary = binary(0x6a)
export const sub: Binary = binary(0x6b)
export const mul: Binary = binary(0x6c)
export const and: Binary = binary(0x71)
export const or: Binary = binary(0x72)
export const lessUnsigned: Binary = binary(0x49)
export const greaterSigned: Binary = binary(0x4a)
export const not = (a: Code): Code => [...a, 0x45]

// Control flow.

/** Repeats the body, at least once, while the condition after it is not 0. */
export const repeatWhile = (condition: Code, body: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...condition,
  0x0d,
  0x00,
  0x0b,
]
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, 0x0b]

// Vectors: 128 bits, mostly as four words of 32.

const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]
const memory = (offset: number): number[] => [0, ...unsigned(offset)]
const vectorBinary =
  (opcode: number): Binary =>
  (a, b) => [...a, ...b, ...vector(opcode)]

export const load = (address: Code, offset: number): Code => [
  ...address,
  ...vector(0),
  ...memory(offset),
]
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...vector(11),
  ...memory(offset),
]
/** A constant of 16 bytes. */
export const bytes16 = (bytes: readonly number[]): Code => [...vector(12), ...bytes]
/** A constant of four words. */
export const words4 = (words: readonly number[]): Code => bytes16(words.flatMap(littleEndian))
/** Each word of the result is a word of the first operand (0 to 3) or of the second (4 to 7). */
export const shuffle = (a: Code, b: Code, words: readonly number[]): Code => [
  ...a,
  ...b,
  ...vector(13),
  ...words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte)),
]
/** Each byte of the result is the byte of `a` that `indexes` names. */
export const swizzle: Binary = vectorBinary(14)
export const splat = (word: Code): Code => [...word, ...vector(17)]
export const replaceWord = (a: Code, index: number, word: Code): Code => [
  ...a,
  ...word,
  ...vector(0x1c),
  index,
]
export const or4: Binary = vectorBinary(80)
export const xor4: Binary = vectorBinary(81)
export const lessUnsigned4: Binary = vectorBinary(0x3a)
export const add4: Binary = vectorBinary(0xae)
export const sub4: Binary = vectorBinary(0xb1)
export const mul4: Binary = vectorBinary(0xb5)
type Shift = (a: Code, bits: number) => Code
const shift =
  (opcode: number): Shift =>
  (a, bits) => [...a, ...i32(bits), ...vector(opcode)]
export const shiftLeft4: Shift = shift(0xab)
export const shiftRight4: Shift = shift(0xad)

// Functions and the module.

const I32 = 0x7f
const V128 = 0x7b
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** A function with 32-bit integers as parameters and no result. */
export class FunctionBuilder {
  readonly name: string
  readonly params: readonly Local[]
  readonly #locals: number[] = []
  #body: Code = []

  constructor(name: string, params: number) {
    this.name = name
    this.params = Array.from({ length: params }, (_, index) => index as Local)
  }

  /** New locals, initially zero. */
  integers(count: number): readonly Local[] {
    return this.#add(count, I32)
  }

  vectors(count: number): readonly Local[] {
    return this.#add(count, V128)
  }

  body(...code: readonly Code[]): this {
    this.#body = seq(...code)
    return this
  }

  encode(): number[] {
    const locals = this.#locals.flatMap((type) => [1, type])
    return sized([...unsigned(this.#locals.length), ...locals, ...this.#body, 0x0b])
  }

  #add(count: number, type: number): readonly Local[] {
    return Array.from(
      { length: count },
      () => (this.params.length + this.#locals.push(type) - 1) as Local,
    )
  }
}

/** A module that exports these functions by name, and a memory of fixed size as `memory`. */
export function assemble(functions: readonly FunctionBuilder[], memoryPages: number): Uint8Array {
  const types = functions.map(({ params }) => [0x60, ...list(params.map(() => [I32])), 0])
  const exported = functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)])
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, types),
    ...section(
      3,
      functions.map((_, index) => unsigned(index)),
    ),
    ...section(5, [[0x01, ...unsigned(memoryPages), ...unsigned(memoryPages)]]),
    ...section(7, [...exported, [...text('memory'), 0x02, 0x00]]),
    ...section(
      10,
      functions.map((each) => each.encode()),
    ),
  ])
}

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes]
const list = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
]
const section = (id: number, items: readonly (readonly number[])[]): number[] => [
  id,
  ...sized(list(items)),
]
const text = (ascii: string): number[] => sized(Array.from(ascii, (c) => c.charCodeAt(0)))
