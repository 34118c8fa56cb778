/**
 * Random attacks on pieces: each must end in an `IntegrityError`, and no wrong byte be accepted.
 */
import { concat, equal } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { IntegrityError } from '../../../src/hash/proof/integrity.ts'
import { PieceDecoder } from '../../../src/hash/proof/piece-decoder.ts'
import { HEADER_BYTES, encodeHeader } from '../../../src/hash/tree/tree.ts'
import { GROUP_BYTES } from '../../../src/limits.ts'
import { sentPieces, sourceOf, type SentPiece, type Source } from './pieces.ts'

/** A small seeded generator (xorshift): the seed of a failure reruns it. */
export function generator(seed: number): (below: number) => number {
  let state = (seed * 2654435761) | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Random = (below: number) => number

/** Each changes the bytes of a piece; undefined where it would change nothing. */
const ATTACKS: Readonly<
  Record<string, (sent: Uint8Array, random: Random, groupsAt: number) => Uint8Array | undefined>
> = {
  'a bit flipped': (sent, random) => {
    const flipped = sent.slice()
    flipped[random(sent.length)]! ^= 1 << random(8)
    return flipped
  },
  'a byte dropped': (sent, random) => {
    const at = random(sent.length)
    const shifted = concat([sent.subarray(0, at), sent.subarray(at + 1), new Uint8Array(1)])
    return equal(shifted, sent) ? undefined : shifted
  },
  'two groups swapped': (sent, random, groupsAt) => {
    const whole = Math.floor((sent.length - groupsAt) / GROUP_BYTES)
    if (whole < 2) return undefined
    const [a, b] = [random(whole), random(whole)].map((group) => groupsAt + group * GROUP_BYTES)
    const swapped = sent.slice()
    swapped.set(sent.subarray(a, a! + GROUP_BYTES), b)
    swapped.set(sent.subarray(b, b! + GROUP_BYTES), a)
    return equal(swapped, sent) ? undefined : swapped
  },
  'another length': (sent, random) => {
    const size = Number(new DataView(sent.buffer, sent.byteOffset).getBigUint64(0, true))
    const other = [size + 1 + random(5000), random(size + 1), 2 ** random(53)][random(3)]!
    return other === size ? undefined : concat([encodeHeader(other), sent.subarray(HEADER_BYTES)])
  },
  'random bytes': (sent, random) => sent.map(() => random(256)),
}

/** Makes `count` attacks on random values; throws at the first that succeeds, naming its seed. */
export function attack(count: number, engine: Engine): void {
  const names = Object.keys(ATTACKS)
  for (let seed = 1; seed <= count; seed++) {
    const random = generator(seed)
    const length = random(1 + random(4) * GROUP_BYTES)
    const value = new Uint8Array(length).map((_, i) => (i * seed) >> random(3))
    const source = sourceOf(value, GROUP_BYTES, engine)
    const [sent] = sentPieces(source, { start: 0, end: Infinity })
    const name = names[random(names.length)]!
    const bytes = concat([sent!.proof, sent!.groups])
    const changed = ATTACKS[name]!(bytes, random, sent!.proof.length)
    if (changed === undefined) continue
    const failure = survives(source, sent!, changed, random, engine)
    if (failure !== undefined) throw new Error(`seed ${seed}, ${name}: ${failure}`)
  }
}

function survives(
  { digest, size }: Source,
  { piece, groups }: SentPiece,
  changed: Uint8Array,
  random: Random,
  engine: Engine,
): string | undefined {
  const step = (1 + random(4)) * GROUP_BYTES
  const decoder = new PieceDecoder({ digest, size, engine })
  try {
    decoder.proof(piece, changed.subarray(0, piece.proofBytes))
    for (let at = 0; at === 0 || at < groups.length; at += step) {
      const accepted = changed.subarray(piece.proofBytes + at).subarray(0, step)
      decoder.groups(accepted)
      if (!equal(accepted, groups.subarray(at, at + step))) return 'wrong bytes were accepted'
    }
  } catch (error) {
    return error instanceof IntegrityError ? undefined : String(error)
  }
  return 'it was not noticed'
}
