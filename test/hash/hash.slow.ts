import { readFileSync } from 'node:fs'
import { test } from '../serial.ts'
import { piecesVectors, vectorFile, valueVectors } from '../../specs/models/vectors.ts'
import { attack } from './proof/attacks.ts'
import { ENGINES } from './engine/engines.ts'

test('R002-11, R002-13: half a million random attacks on pieces are refused', (t) => {
  const [kernel, scalar] = ENGINES
  t.notThrows(() => attack(400_000, kernel!))
  t.notThrows(() => attack(100_000, scalar!))
})

test("the committed vectors are the model's", (t) => {
  t.is(readFileSync('specs/vectors/002-verified-values.json', 'utf8'), vectorFile(valueVectors()))
  t.is(readFileSync('specs/vectors/003-pieces.json', 'utf8'), vectorFile(piecesVectors()))
})
