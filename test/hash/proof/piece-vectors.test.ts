import { readFileSync } from 'node:fs'
import { test } from '../../serial.ts'
import { piecesVectors } from '../../../specs/models/vectors.ts'
import type { PiecesVector, PiecesVectors } from '../../../specs/models/vectors.ts'
import { concat, fromHex, toHex } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { IntegrityError } from '../../../src/hash/proof/integrity.ts'
import { PieceDecoder } from '../../../src/hash/proof/piece-decoder.ts'
import { lengthOf, planPieces } from '../../../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../../../src/hash/tree/tree.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { GROUP_BYTES, PIECE_BYTES } from '../../../src/limits.ts'
import { ENGINES } from '../engine/engines.ts'
import { pattern } from '../sizes.ts'

const text = readFileSync('specs/vectors/003-pieces.json', 'utf8')
const { values } = JSON.parse(text) as PiecesVectors

/** The bytes of every piece of a slice: its proof, then its groups. */
function piecesOf(value: Uint8Array, vector: PiecesVector, range: ByteRange): Uint8Array[] {
  const { groupBytes, spanBytes } = vector
  const { outboard } = hash(value, { groupBytes })
  return [...planPieces(value.byteLength, range, groupBytes, spanBytes)].map((piece) =>
    concat([
      ...(piece.isFirst ? [encodeHeader(value.byteLength)] : []),
      ...piece.outboard.map(({ start, end }) => outboard.subarray(start, end)),
      value.subarray(piece.data.start, piece.data.end),
    ]),
  )
}

/** Where the decoder finds a flaw, and which. */
function flawOf(
  { size, digest, groupBytes, spanBytes }: PiecesVector,
  range: ByteRange,
  arrived: readonly Uint8Array[],
  engine: Engine,
): readonly [string, number] | undefined {
  const decoder = new PieceDecoder({ digest: fromHex(digest)!, size, engine })
  try {
    let i = 0
    for (const piece of planPieces(size, range, groupBytes, spanBytes)) {
      const bytes = arrived[i++]!
      decoder.proof(piece, bytes.subarray(0, piece.proofBytes))
      decoder.groups(bytes.subarray(piece.proofBytes))
    }
    return undefined
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error
    return [error.flaw, error.position]
  }
}

test("the committed vectors of pieces are the model's (those of large groups are compared by test:slow)", (t) => {
  const small = values.filter((vector) => vector.groupBytes === 1024)
  t.true(small.length > 10)
  t.deepEqual(small, piecesVectors(1024).values as PiecesVector[])
})

for (const vector of values) {
  const { size, groupBytes, spanBytes } = vector
  const title = `${size} bytes in groups of ${groupBytes}`

  test(`R003-42: the vector's pieces: ${title}`, (t) => {
    const value = pattern(size)
    for (const slice of vector.slices) {
      const range = { start: slice.range[0], end: slice.range[1] }
      const planned = [...planPieces(size, range, groupBytes, spanBytes)]
      const made = piecesOf(value, vector, range).map((bytes, i) => {
        const { proofBytes, data } = planned[i]!
        const proof = bytes.subarray(0, proofBytes)
        const digest = toHex(hash(proof).digest)
        t.is(lengthOf(planned[i]!), bytes.byteLength)
        return {
          length: bytes.byteLength,
          proof: { bytes: proofBytes, digest },
          data: [data.start, data.end],
        }
      })
      t.deepEqual(made, slice.pieces as unknown as typeof made)
    }
  })

  if (groupBytes !== GROUP_BYTES || spanBytes !== PIECE_BYTES) continue
  for (const engine of ENGINES) {
    test(`R003-43, R002-13: the vector's attacks: ${title}, ${engine.name}`, (t) => {
      const value = pattern(size)
      for (const slice of vector.slices) {
        const range = { start: slice.range[0], end: slice.range[1] }
        const honest = piecesOf(value, vector, range)
        t.is(flawOf(vector, range, honest, engine), undefined)
        t.true(slice.flips.length > 0)
        for (const [piece, at, ...flaw] of slice.flips) {
          const arrived = honest.map((bytes, i) => (i === piece ? new Uint8Array(bytes) : bytes))
          arrived[piece]![at]! ^= 1
          t.deepEqual(flawOf(vector, range, arrived, engine), flaw as [string, number])
        }
      }
    })
  }
}
