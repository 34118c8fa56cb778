/**
 * `one`: hashes a single input, one row of the state per vector. For small values and single
 * parents.
 */
import {
  FunctionBuilder,
  add,
  and,
  get,
  greaterSigned,
  i32,
  load,
  not,
  or,
  repeatWhile,
  replaceWord,
  seq,
  set,
  shuffle,
  splat,
  store,
  sub,
  when,
  words4,
  xor4,
} from './assembler.ts'
import type { Code, Local } from './assembler.ts'
import { IV, SCHEDULE, mix, setMasks } from './rounds.ts'
import type { Masks } from './rounds.ts'

/** The indexes of four words in a vector. */
type Words = readonly number[]

/** A local, and the message words that it holds. */
interface Message {
  readonly local: Local
  readonly words: Words
}

const ROTATE_LEFT: Words = [1, 2, 3, 0]
const SWAP_HALVES: Words = [2, 3, 0, 1]
const ROTATE_RIGHT: Words = [3, 0, 1, 2]

/**
 * one(input, length, counterLow, counterHigh, first, last, output)
 *
 * Hashes one input of 0 to 1024 bytes to a chaining value of 32 bytes at `output`. The first block
 * has the flags `first`, the last has `last`. If the last block is short, up to 64 bytes after the
 * input are overwritten.
 */
export function emitOne(): FunctionBuilder {
  const one = new FunctionBuilder('one', 7)
  const [input, length, counterLow, counterHigh, first, last, output] = one.params as [
    ...[Local, Local, Local, Local, Local, Local, Local],
  ]
  const [flags, blockBytes] = one.integers(2) as [Local, Local]
  const [cv0, cv1, a, b, c, d] = one.vectors(6) as [Local, Local, Local, Local, Local, Local]
  const messages = [one.vectors(4), one.vectors(4)] as const
  const [gathered, rotate16, rotate8] = one.vectors(3) as [Local, Local, Local]
  const masks: Masks = { rotate16, rotate8 }

  const pad = when(
    or(and(get(length), i32(63)), not(get(length))),
    seq(
      ...[0, 16, 32, 48].map((offset) =>
        store(add(get(input), get(length)), offset, words4([0, 0, 0, 0])),
      ),
    ),
  )
  const counters = replaceWord(splat(get(counterLow)), 1, get(counterHigh))
  const row3 = replaceWord(replaceWord(counters, 2, get(blockBytes)), 3, get(flags))

  let held: readonly Message[] = messages[0].map((local, i) => ({
    local,
    words: [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3],
  }))
  const rounds: Code[] = []
  for (const [index, order] of SCHEDULE.entries()) {
    const into = messages[(index + 1) % 2 === 0 ? 0 : 1]
    // The two words of a quarter round go to its lane. On diagonals that is the lane of its word of
    // row b, which does not move because it is ready last.
    const wanted = [
      [0, 2, 4, 6],
      [1, 3, 5, 7],
      [14, 8, 10, 12],
      [15, 9, 11, 13],
    ].map((places) => places.map((place) => order[place]!))
    rounds.push(...wanted.map((words, i) => gather(into[i]!, words, held, gathered)))
    held = wanted.map((words, i) => ({ local: into[i]!, words }))
    const [x0, y0, x1, y1] = into as [Local, Local, Local, Local]
    rounds.push(
      mix([{ a, b, c, d, x: x0, y: y0 }], masks),
      turn(a, ROTATE_RIGHT),
      turn(c, ROTATE_LEFT),
      turn(d, SWAP_HALVES),
      mix([{ a, b, c, d, x: x1, y: y1 }], masks),
      turn(a, ROTATE_LEFT),
      turn(c, ROTATE_RIGHT),
      turn(d, SWAP_HALVES),
    )
  }
  const block = seq(
    set(blockBytes, i32(64)),
    when(
      not(greaterSigned(get(length), i32(64))),
      seq(set(blockBytes, get(length)), set(flags, or(get(flags), get(last)))),
    ),
    set(a, get(cv0)),
    set(b, get(cv1)),
    set(c, words4(IV.slice(0, 4))),
    set(d, row3),
    ...messages[0].map((local, i) => set(local, load(get(input), 16 * i))),
    ...rounds,
    set(cv0, xor4(get(a), get(c))),
    set(cv1, xor4(get(b), get(d))),
    set(flags, i32(0)),
    set(input, add(get(input), i32(64))),
    set(length, sub(get(length), i32(64))),
  )
  return one.body(
    setMasks(masks),
    pad,
    set(cv0, words4(IV.slice(0, 4))),
    set(cv1, words4(IV.slice(4, 8))),
    set(flags, get(first)),
    repeatWhile(greaterSigned(get(length), i32(0)), block),
    store(get(output), 0, get(cv0)),
    store(get(output), 16, get(cv1)),
  )
}

const turn = (row: Local, words: Words): Code => set(row, shuffle(get(row), get(row), words))

/** Gathers these message words in `into`. */
function gather(into: Local, wanted: Words, held: readonly Message[], scratch: Local): Code {
  const sources = held.filter(({ words }) => wanted.some((word) => words.includes(word)))
  const code: Code[] = []
  let so: Message = sources[0]!
  for (const [index, source] of sources.entries()) {
    if (index === 0 && sources.length > 1) continue
    // A word that neither vector holds comes later: any lane will do for now.
    const indexes = wanted.map((word, lane) => {
      if (so.words.includes(word)) return so.words.indexOf(word)
      return source.words.includes(word) ? 4 + source.words.indexOf(word) : lane
    })
    const local = index === sources.length - 1 ? into : scratch
    code.push(set(local, shuffle(get(so.local), get(source.local), indexes)))
    so = {
      local,
      words: wanted.map((word) => ([...so.words, ...source.words].includes(word) ? word : -1)),
    }
  }
  return seq(...code)
}
