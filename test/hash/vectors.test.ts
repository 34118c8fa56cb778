import { readFileSync } from 'node:fs'
import test from 'ava'
import { keyVectors, vectorFile, valueVectors } from '../../specs/models/vectors.ts'
import type {
  KeyVectors,
  SliceVector,
  ValueVector,
  ValueVectors,
} from '../../specs/models/vectors.ts'
import { concat, equal, fromHex, toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Engine } from '../../src/hash/engine/engine.ts'
import { createHasher, hash } from '../../src/hash/hasher.ts'
import { IntegrityError } from '../../src/hash/proof/integrity.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { SliceDecoder } from '../../src/hash/proof/slice-decoder.ts'
import {
  encodeHeader,
  encodePiece,
  encodeSlice,
  planSlice,
} from '../../src/hash/proof/slice-encoder.ts'
import { sliceBytes } from '../../src/hash/tree/tree.ts'
import { ENGINES } from './engine/engines.ts'
import { pattern } from './sizes.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(`specs/vectors/${name}`, 'utf8'))
const keys = read('001-keys.json') as KeyVectors
const { values } = read('002-verified-values.json') as ValueVectors

test("the committed vectors are the model's (those of large groups are compared by test:slow)", (t) => {
  t.is(readFileSync('specs/vectors/001-keys.json', 'utf8'), vectorFile(keyVectors()))
  const small = values.filter((vector) => vector.groupBytes === 1024)
  t.true(small.length > 10)
  t.deepEqual(small, valueVectors(1024).values as ValueVector[])
})

test("R001-1, R001-2: the vectors' keys", (t) => {
  t.true(keys.keys.length > 30)
  for (const vector of keys.keys) {
    const key = new Key(hash(pattern(vector.size)).digest)
    t.is(key.toString(), vector.key)
    t.is(key.toHex(), vector.digest)
  }
})

test("R001-3, R001-4: the vectors' spellings", (t) => {
  for (const { key, digest, spellings } of keys.keys) {
    for (const text of [key, digest, ...spellings]) t.is(parseKey(text).toString(), key)
  }
})

test('R001-5, R001-6, R001-7: what the vectors refuse', (t) => {
  t.true(keys.refused.length > 20)
  for (const { why, text } of keys.refused) {
    const error = t.throws(() => parseKey(text), { instanceOf: DstoreError }, why)
    t.is(error?.code, 'malformed-key', why)
  }
})

/** Ways to cut a stream: whole, in halves, in frames of odd length, and byte by byte where that is not for ever. */
function shapes(length: number): number[] {
  return [Infinity, Math.ceil(length / 2), 1021, 16_384, ...(length < 4000 ? [1] : [])]
}

function* cut(bytes: Uint8Array, step: number): Generator<Uint8Array> {
  if (step === Infinity) yield bytes
  else for (let at = 0; at < bytes.length; at += step) yield bytes.slice(at, at + step)
}

const matches = (bytes: Uint8Array, print: { bytes: number; digest: string }): boolean =>
  bytes.length === print.bytes && toHex(hash(bytes).digest) === print.digest

for (const engine of ENGINES) {
  for (const vector of values) {
    const { size, groupBytes } = vector
    const title = `${size} bytes in groups of ${groupBytes}, ${engine.name}`

    test(`R002-1, R002-2, R002-3: the vector's tree: ${title}`, (t) => {
      const value = pattern(size)
      const hashed = hash(value, { groupBytes, engine })
      t.is(toHex(hashed.digest), vector.digest)
      t.true(matches(hashed.outboard, vector.outboard))
      for (const step of shapes(size)) {
        const hasher = createHasher({ groupBytes, engine })
        for (const bytes of cut(value, step)) hasher.update(bytes)
        const streamed = hasher.finish()
        t.true(equal(streamed.digest, hashed.digest))
        t.true(equal(streamed.outboard, hashed.outboard))
      }
    })

    test(`R002-5, R002-6, R002-7, R002-17: the vector's slices: ${title}`, (t) => {
      const value = pattern(size)
      const { outboard } = hash(value, { groupBytes, engine })
      const whole = encodeSlice(value, outboard, { start: 0, end: size }, groupBytes)
      t.true(matches(whole, vector.combined))
      for (const slice of vector.slices) {
        const encoding = encodeSlice(value, outboard, rangeOf(slice), groupBytes)
        t.true(matches(encoding, slice.encoding))
        t.is(sliceBytes(size, rangeOf(slice), groupBytes), encoding.length)
        for (const pieceBytes of [1, 2 * groupBytes, Infinity]) {
          const parts = [encodeHeader(size)]
          for (const piece of planSlice(size, rangeOf(slice), groupBytes, pieceBytes)) {
            const pairs = piece.outboard.map(({ start, end }) => outboard.subarray(start, end))
            const data = value.subarray(piece.data.start, piece.data.end)
            parts.push(encodePiece(piece, concat(pairs), data))
          }
          t.true(equal(concat(parts), encoding))
        }
      }
    })

    test(`R002-11, R002-12, R002-13, R002-15: the vector's proofs and attacks: ${title}`, (t) => {
      const value = pattern(size)
      const { outboard } = hash(value, { groupBytes, engine })
      for (const slice of vector.slices) {
        const encoding = encodeSlice(value, outboard, rangeOf(slice), groupBytes)
        const { start, end, size: provesSize } = slice.proves
        const run = (bytes: Uint8Array, step: number) => attempt(bytes, step, vector, slice, engine)
        for (const step of shapes(encoding.length)) {
          const proved = run(encoding, step)
          t.is(proved.flaw, undefined)
          t.true(equal(proved.bytes, value.subarray(start, end)))
          t.is(proved.size, provesSize ? size : undefined)
          // Never beyond the proof: what came before a flaw is right, and says nothing of the length.
          const refuse = (bytes: Uint8Array, flaw: string, position: number): void => {
            const refused = run(bytes, step)
            t.is(`${refused.flaw?.flaw} ${refused.flaw?.position}`, `${flaw} ${position}`)
            t.is(refused.size, flaw === 'trailing' && provesSize ? size : undefined)
            const length = refused.bytes.length
            t.true(equal(refused.bytes, value.subarray(start, start + length)))
            t.true(length === 0 || start + length <= position)
          }
          for (const [at, flaw, position] of slice.flips) {
            refuse(
              encoding.map((byte, i) => (i === at ? byte ^ 1 : byte)),
              flaw,
              position,
            )
          }
          for (const [length, flaw, position] of slice.cuts) {
            refuse(encoding.subarray(0, length), flaw, position)
          }
          refuse(concat([encoding, Uint8Array.of(0)]), 'trailing', end)
        }
      }
    })
  }
}

const rangeOf = ({ range: [start, end] }: SliceVector): { start: number; end: number } => ({
  start,
  end: end === 'end' ? Infinity : end,
})

function attempt(
  bytes: Uint8Array,
  step: number,
  vector: ValueVector,
  slice: SliceVector,
  engine: Engine,
) {
  const decoder = new SliceDecoder({
    digest: fromHex(vector.digest)!,
    range: rangeOf(slice),
    groupBytes: vector.groupBytes,
    engine,
  })
  const data: Uint8Array[] = []
  let flaw: IntegrityError | undefined
  try {
    for (const part of cut(bytes, step)) {
      for (const item of decoder.push(part)) if (item.kind === 'data') data.push(item.bytes)
    }
    decoder.finish()
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    flaw = error
  }
  return { bytes: concat(data), flaw, size: decoder.size }
}
