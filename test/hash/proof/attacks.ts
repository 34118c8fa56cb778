/** Random attacks on slices: each must end in an `IntegrityError`, and nothing wrong may come out before it. */
import { concat, equal } from '../../../src/bytes.ts'
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { IntegrityError } from '../../../src/hash/proof/integrity.ts'
import { SliceDecoder } from '../../../src/hash/proof/slice-decoder.ts'
import { encodeHeader, encodeSlice } from '../../../src/hash/proof/slice-encoder.ts'
import { groupCount } from '../../../src/hash/tree/tree.ts'

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

/** Each changes a slice of the whole value; undefined where it would change nothing. */
const ATTACKS: Readonly<
  Record<string, (slice: Uint8Array, random: Random, groupBytes: number) => Uint8Array | undefined>
> = {
  'a bit flipped': (slice, random) => {
    const flipped = slice.slice()
    flipped[random(slice.length)]! ^= 1 << random(8)
    return flipped
  },
  'cut short': (slice, random) => slice.slice(0, random(slice.length)),
  lengthened: (slice, random) => concat([slice, new Uint8Array(1 + random(40))]),
  'a byte dropped': (slice, random) => {
    const at = random(slice.length)
    return concat([slice.subarray(0, at), slice.subarray(at + 1)])
  },
  'two groups swapped': (slice, random, groupBytes) => {
    const starts = groupStarts(slice, groupBytes)
    const [a, b] = [starts[random(starts.length)]!, starts[random(starts.length)]!]
    const swapped = slice.slice()
    swapped.set(slice.subarray(a, a + groupBytes), b)
    swapped.set(slice.subarray(b, b + groupBytes), a)
    return equal(swapped, slice) ? undefined : swapped
  },
  'another length': (slice, random) => {
    const size = new DataView(slice.buffer, slice.byteOffset).getBigUint64(0, true)
    const other = [Number(size) + 1 + random(5000), random(Number(size) + 1), 2 ** random(53)][
      random(3)
    ]!
    return other === Number(size) ? undefined : concat([encodeHeader(other), slice.subarray(8)])
  },
  'random bytes': (slice, random) => slice.map(() => random(256)),
}

/** Where the whole groups are in a slice of everything: found by walking the tree. */
function groupStarts(slice: Uint8Array, groupBytes: number): number[] {
  const size = Number(new DataView(slice.buffer, slice.byteOffset).getBigUint64(0, true))
  const starts: number[] = []
  let at = 8
  const walk = (groups: number): void => {
    if (groups === 1) {
      starts.push(at)
      at += groupBytes
      return
    }
    at += 64
    let left = 1
    while (left * 2 < groups) left *= 2
    walk(left)
    walk(groups - left)
  }
  walk(groupCount(size, groupBytes))
  return starts.length > 1 ? starts.slice(0, -1) : starts
}

/** Makes `count` attacks on random values; throws at the first that succeeds, naming its seed. */
export function attack(count: number, engine: Engine): void {
  const names = Object.keys(ATTACKS)
  for (let seed = 1; seed <= count; seed++) {
    const random = generator(seed)
    const groupBytes = [1024, 1024, 1024, 2048, 16_384][random(5)]!
    const value = new Uint8Array(random(8 * groupBytes)).map((_, i) => (i * seed) >> random(3))
    const { digest, outboard } = hash(value, { groupBytes, engine })
    const range = { start: 0, end: Infinity }
    const slice = encodeSlice(value, outboard, range, groupBytes)
    const name = names[random(names.length)]!
    const changed = ATTACKS[name]!(slice, random, groupBytes)
    if (changed === undefined) continue
    const failure = survives(
      new SliceDecoder({ digest, range, groupBytes, engine }),
      changed,
      value,
      random,
    )
    if (failure !== undefined) throw new Error(`seed ${seed}, ${name}: ${failure}`)
  }
}

function survives(
  decoder: SliceDecoder,
  changed: Uint8Array,
  value: Uint8Array,
  random: Random,
): string | undefined {
  const step = 1 + random(20_000)
  try {
    for (let at = 0; at < changed.length; at += step) {
      for (const item of decoder.push(changed.subarray(at, at + step))) {
        if (item.kind !== 'data') continue
        const right = value.subarray(item.start, item.start + item.bytes.length)
        if (!equal(item.bytes, right)) return 'wrong bytes were given out'
      }
      if (![undefined, value.length].includes(decoder.size)) return 'a wrong length was given out'
    }
    decoder.finish()
  } catch (error) {
    return error instanceof IntegrityError ? undefined : String(error)
  }
  return 'it was not noticed'
}
