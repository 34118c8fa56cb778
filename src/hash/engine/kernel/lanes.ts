/** `four`: hashes four inputs at a time, one per lane. For chunks and parents. */
import {
  FunctionBuilder,
  add,
  add4,
  get,
  i32,
  lessUnsigned,
  lessUnsigned4,
  load,
  mul,
  mul4,
  not,
  or,
  repeatWhile,
  seq,
  set,
  shuffle,
  splat,
  store,
  sub,
  sub4,
  when,
  words4,
  xor4,
} from './assembler.ts'
import type { Code, Local } from './assembler.ts'
import { IV, SCHEDULE, mix, setMasks } from './rounds.ts'
import type { Masks } from './rounds.ts'

const COLUMNS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
] as const
const DIAGONALS = [
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

/**
 * four(input, stride, blocks, fours, counterLow, counterHigh, counterStep, first, last, output)
 *
 * Hashes 4 x `fours` inputs of `blocks` whole blocks each, `stride` bytes apart, to chaining values
 * of 32 bytes at `output`, which may be `input`. The first block of each has the flags `first`, the
 * last has `last`; the counter grows by `counterStep` from one input to the next.
 */
export function emitFour(): FunctionBuilder {
  const four = new FunctionBuilder('four', 10)
  const [input, stride, blocks, fours, counterLow, counterHigh, counterStep, first, last, output] =
    four.params as FourParams
  const lanes = four.integers(4)
  const [left, flags] = four.integers(2) as [Local, Local]
  const cv = four.vectors(8)
  const v = four.vectors(16)
  const m = four.vectors(16)
  const iv = four.vectors(4)
  const [low, high, rotate16, rotate8] = four.vectors(4) as [Local, Local, Local, Local]
  const masks: Masks = { rotate16, rotate8 }

  const startState = seq(
    ...cv.map((word, i) => set(v[i]!, get(word))),
    ...iv.map((word, i) => set(v[8 + i]!, get(word))),
    set(v[12]!, get(low)),
    set(v[13]!, get(high)),
    set(v[14]!, splat(i32(64))),
    set(v[15]!, splat(get(flags))),
  )
  const block = seq(
    when(not(sub(get(left), i32(1))), set(flags, or(get(flags), get(last)))),
    ...[0, 16, 32, 48].map((offset) =>
      seq(
        ...lanes.map((lane, i) => set(v[i]!, load(get(lane), offset))),
        transpose(v, m.slice(offset / 4, offset / 4 + 4)),
      ),
    ),
    startState,
    ...SCHEDULE.map((order) =>
      round(
        v,
        order.map((word) => m[word]!),
        masks,
      ),
    ),
    ...cv.map((word, i) => set(word, xor4(get(v[i]!), get(v[8 + i]!)))),
    ...lanes.map((lane) => set(lane, add(get(lane), i32(64)))),
    set(flags, i32(0)),
    set(left, sub(get(left), i32(1))),
  )
  const step4 = mul(get(counterStep), i32(4))
  const inputs = seq(
    ...lanes.map((lane, i) => set(lane, add(get(input), mul(get(stride), i32(i))))),
    ...cv.map((word, i) => set(word, splat(i32(IV[i]!)))),
    // Per lane: a low half that is below its start has overflowed.
    set(low, add4(splat(get(counterLow)), mul4(splat(get(counterStep)), words4([0, 1, 2, 3])))),
    set(high, sub4(splat(get(counterHigh)), lessUnsigned4(get(low), splat(get(counterLow))))),
    set(flags, get(first)),
    set(left, get(blocks)),
    repeatWhile(get(left), block),
    storeChainingValues(cv, v, output),
    set(input, add(get(input), mul(get(stride), i32(4)))),
    set(output, add(get(output), i32(128))),
    set(counterLow, add(get(counterLow), step4)),
    set(counterHigh, add(get(counterHigh), lessUnsigned(get(counterLow), step4))),
    set(fours, sub(get(fours), i32(1))),
  )
  return four.body(
    setMasks(masks),
    ...iv.map((word, i) => set(word, splat(i32(IV[i]!)))),
    repeatWhile(get(fours), inputs),
  )
}

type FourParams = [...[Local, Local, Local, Local, Local], ...[Local, Local, Local, Local, Local]]

function round(v: readonly Local[], m: readonly Local[], masks: Masks): Code {
  const quarters = (places: readonly (readonly [number, number, number, number])[], from: number) =>
    places.map(([a, b, c, d], i) => {
      const [x, y] = [m[from + 2 * i]!, m[from + 2 * i + 1]!]
      return { a: v[a]!, b: v[b]!, c: v[c]!, d: v[d]!, x, y }
    })
  return seq(mix(quarters(COLUMNS, 0), masks), mix(quarters(DIAGONALS, 8), masks))
}

/** Transposes the first four vectors of `v` into `to`. Overwrites the first eight of `v`. */
function transpose(v: readonly Local[], to: readonly Local[]): Code {
  const row = (i: number): Code => get(v[i]!)
  return seq(
    set(v[4]!, shuffle(row(0), row(1), [0, 4, 1, 5])),
    set(v[5]!, shuffle(row(2), row(3), [0, 4, 1, 5])),
    set(v[6]!, shuffle(row(0), row(1), [2, 6, 3, 7])),
    set(v[7]!, shuffle(row(2), row(3), [2, 6, 3, 7])),
    set(to[0]!, shuffle(row(4), row(5), [0, 1, 4, 5])),
    set(to[1]!, shuffle(row(4), row(5), [2, 3, 6, 7])),
    set(to[2]!, shuffle(row(6), row(7), [0, 1, 4, 5])),
    set(to[3]!, shuffle(row(6), row(7), [2, 3, 6, 7])),
  )
}

/** One lane after another: two vectors each. */
function storeChainingValues(cv: readonly Local[], v: readonly Local[], output: Local): Code {
  const half = (from: number): Code =>
    seq(
      ...[0, 1, 2, 3].map((i) => set(v[i]!, get(cv[from + i]!))),
      transpose(v, v.slice(8, 12)),
      ...[0, 1, 2, 3].map((i) => store(get(output), 32 * i + 4 * from, get(v[8 + i]!))),
    )
  return seq(half(0), half(4))
}
