import { readFileSync } from 'node:fs'
import { test } from '../serial.ts'
import { keyVectors, vectorFile, valueVectors } from '../../specs/models/vectors.ts'
import type {
  KeyVectors,
  SliceVector,
  ValueVector,
  ValueVectors,
} from '../../specs/models/vectors.ts'
import { equal, toHex } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import type { Engine } from '../../src/hash/engine/engine.ts'
import { createHasher, hash } from '../../src/hash/hasher.ts'
import { IntegrityError } from '../../src/hash/proof/integrity.ts'
import { Key, parseKey } from '../../src/hash/key.ts'
import { PieceDecoder } from '../../src/hash/proof/piece-decoder.ts'
import { planPieces } from '../../src/hash/proof/piece-plan.ts'
import { HEADER_BYTES, sliceBytes } from '../../src/hash/tree/tree.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../src/limits.ts'
import { ENGINES } from './engine/engines.ts'
import {
  reordered,
  sentPieces,
  sliceOf,
  sliceOrder,
  sourceOf,
  type SentPiece,
  type Source,
} from './proof/pieces.ts'
import { pattern } from './sizes.ts'

const read = (name: string): unknown => JSON.parse(readFileSync(`specs/vectors/${name}`, 'utf8'))
const keys = read('001-keys.json') as KeyVectors
const { values } = read('002-verified-values.json') as ValueVectors

test("R002-12, R002-15: the committed vectors are the model's (test:slow compares those of large groups)", (t) => {
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

test("R001-8, R001-9: the vectors' keys of directories, and their spellings", (t) => {
  t.true(keys.directories.length > 0)
  for (const { bytes, key, spellings } of keys.directories) {
    const { digest } = hash(Buffer.from(bytes, 'hex'))
    t.is(new Key(digest, 'directory').toString(), key)
    for (const text of [key, ...spellings]) {
      t.is(parseKey(text).toString(), key)
      t.is(parseKey(text).kind, 'directory')
    }
    t.is(parseKey(toHex(digest)).kind, 'bytes')
  }
})

test('R001-5, R001-6, R001-7: what the vectors refuse', (t) => {
  t.true(keys.refused.length > 20)
  for (const { why, text } of keys.refused) {
    const error = t.throws(() => parseKey(text), { instanceOf: DstoreError }, why)
    t.is(error?.code, 'malformed-key', why)
  }
})

/**
 * Ways to cut a stream: whole, in halves, in frames of odd length, and byte by byte where there are
 * few bytes.
 */
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
      const source = sourceOf(pattern(size), groupBytes, engine)
      t.true(matches(sliceOf(source, { start: 0, end: size }, groupBytes), vector.combined))
      for (const slice of vector.slices) {
        const range = rangeOf(slice)
        const encoding = sliceOf(source, range, groupBytes)
        t.true(matches(encoding, slice.encoding))
        t.is(sliceBytes(size, range, groupBytes), encoding.length)
        for (const spanBytes of [groupBytes, 2 * groupBytes, PIECE_BYTES]) {
          const pieces = [...planPieces(size, range, groupBytes, spanBytes)]
          t.is(pieces[0]!.data.start, slice.proves.start)
          t.is(pieces.at(-1)!.data.end, slice.proves.end)
          t.true(equal(reordered(source, pieces, groupBytes), encoding))
        }
      }
    })

    if (groupBytes !== GROUP_BYTES) continue
    test(`R002-11, R002-13: the vector's attacks, on the pieces of its slices: ${title}`, (t) => {
      const source = sourceOf(pattern(size), groupBytes, engine)
      for (const slice of vector.slices) {
        const [sent, ...more] = sentPieces(source, rangeOf(slice))
        t.is(more.length, 0)
        const { start, end } = slice.proves
        t.deepEqual(attempt(source, sent!, engine), { accepted: end, flaw: undefined })
        for (const [at, flaw, position] of slice.flips) {
          const { accepted, flaw: found } = attempt(source, flipped(sent!, at), engine)
          t.is(accepted, found?.flaw === 'group' ? position : start)
          if (at < HEADER_BYTES) {
            // A slice alone does not prove the length here; a request for pieces names it.
            t.deepEqual([found?.flaw, found?.position], ['size', 0])
          } else {
            // All pairs of a piece precede its groups.
            t.deepEqual(
              [found?.flaw, found?.position],
              [flaw, flaw === 'parent' ? start : position],
            )
          }
        }
      }
    })
  }
}

const rangeOf = ({ range: [start, end] }: SliceVector): { start: number; end: number } => ({
  start,
  end: end === 'end' ? Infinity : end,
})

/** The piece, with the lowest bit of the byte at this offset of the slice flipped. */
function flipped({ piece, proof, groups }: SentPiece, at: number): SentPiece {
  let offset = at
  const part = sliceOrder(piece).find(({ start, end }) => {
    if (offset < end - start) return true
    offset -= end - start
    return false
  })!
  const copies = { piece, proof: proof.slice(), groups: groups.slice() }
  const place = part.start + offset
  if (place < proof.length) copies.proof[place]! ^= 1
  else copies.groups[place - proof.length]! ^= 1
  return copies
}

/** The flaw of a piece, and the end of the groups that were accepted before it. */
function attempt(
  { digest, size }: Source,
  { piece, proof, groups }: SentPiece,
  engine: Engine,
): { readonly accepted: number; readonly flaw: IntegrityError | undefined } {
  const decoder = new PieceDecoder({ digest, size, engine })
  let accepted = piece.data.start
  try {
    decoder.proof(piece, proof)
    do {
      const group = groups.subarray(accepted - piece.data.start).subarray(0, GROUP_BYTES)
      decoder.groups(group)
      accepted += group.length
    } while (accepted < piece.data.end)
    return { accepted, flaw: undefined }
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    return { accepted, flaw: error }
  }
}
