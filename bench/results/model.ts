/** What is measured, and the document that a run leaves: `last-run.json`. */
import type { Bench } from './bench.ts'

/** `native`: dstore with its compiled hash, where `npm run native` built it. */
export type Part = 'dstore' | 'native' | 'floor' | 'peer'

/** What a contestant did in one turn. */
export interface Sample {
  /** Wall time. */
  readonly seconds: number
  /** User and system time of all processes that took part. */
  readonly cpu: number
  /** Items done; 1 where the whole is one item. */
  readonly work: number
  /** That its server answered, where this is counted. */
  readonly requests?: number
}

/** One of those that take turns. */
export interface Contestant {
  readonly name: string
  readonly part: Part
  /** Brings the machine into the state in which the work starts. Not measured. */
  readonly before?: () => unknown
  /** Does the work. What it returns replaces what the harness measured. */
  readonly run: () => Promise<Partial<Sample> | void>
  /** Long-lived processes whose processor time counts, besides those that `run` starts. */
  readonly daemons?: () => readonly number[]
  /** How many requests its server has answered so far. */
  readonly requests?: () => Promise<number>
}

/** `seconds` and `cpu`: less is better. `rate`: items a second, more is better. */
export type Measure = 'seconds' | 'cpu' | 'rate'

/** A goal for the ratio to the floor. */
export interface Bar {
  readonly limit: number
  /** It is a goal for the figure itself, and the row has no floor. */
  readonly isAbsolute?: boolean
  /** The goal with the native engine, where it is another. */
  readonly native?: number
}

/** One entry of the table. */
export interface Row {
  /** For `ROWS=`. */
  readonly id: string
  readonly title: string
  readonly measure: Measure
  /** At most this for times, at least this for rates. */
  readonly bar?: Bar
  /** Sets up what the contestants share. The first is dstore, the second its floor. */
  readonly open: (bench: Bench) => Promise<readonly Contestant[]>
}

export interface ContestantResult {
  readonly name: string
  readonly part: Part
  /** The samples, in the unit of the row: seconds, or items a second. */
  readonly median: number
  readonly best: number
  readonly worst: number
  /** Median of the wall time of a turn, in seconds. */
  readonly seconds: number
  /** Median of the processor time of a turn, in seconds. */
  readonly cpu: number
  /** Median of the requests of a turn. */
  readonly requests?: number
  /** Median over the rounds of its figure divided by the floor's. */
  readonly ratio?: number
}

export interface RowResult {
  readonly id: string
  readonly title: string
  readonly measure: Measure
  readonly bar?: Bar
  readonly rounds: number
  /** Load of the machine before and after. */
  readonly load: readonly [before: number, after: number]
  /** When it was measured, and of which commit. */
  readonly at: string
  readonly commit: string
  readonly contestants: readonly ContestantResult[]
  /** What was not measured, and why. */
  readonly missing: readonly string[]
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGib: number
  readonly kernel: string
  readonly disk: string
  readonly node: string
  /** Does this processor have the widest instructions that the addon uses? */
  readonly avx512: boolean
  /** Versions of the programs beside dstore. */
  readonly programs: Readonly<Record<string, string>>
}

export interface Run {
  readonly machine: Machine
  readonly rows: readonly RowResult[]
}
