/** Writes and puts that take turns on one disk, and what they took. */
import { type FileHandle, open } from 'node:fs/promises'
import { constants } from 'node:fs'
import { MIB } from '../src/limits.ts'
import { median } from './ratio.ts'

/** Calls under way at a time, where many are. */
export const DEPTH = 64

/** What takes its turn, and its name. */
export type Contestant = readonly [name: string, work: (i: number) => Promise<unknown>]

export const report = (line: string): void => void process.stdout.write(`${line}\n`)

/** Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

/** A file written with zeros, opened for writing with these flags, such as `O_DSYNC`. */
export async function preallocated(
  path: string,
  bytes: number,
  flags: number = constants.O_DSYNC,
): Promise<FileHandle> {
  const file = await open(path, 'w')
  for (let at = 0; at < bytes; at += MIB) await file.write(new Uint8Array(MIB), 0, MIB, at)
  await file.sync()
  await file.close()
  return open(path, constants.O_RDWR | flags)
}

/** Runs the work this often, `DEPTH` at a time. */
export async function pipelined(
  count: number,
  work: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: DEPTH }, worker))
}

/**
 * Reports each contestant's times, and their median beside that of the first. The first quarter of
 * the rounds does not count: until then the code is not compiled.
 */
export async function inTurns(
  contestants: readonly Contestant[],
  rounds: number,
  onRound: (i: number) => Promise<void> | void = () => undefined,
): Promise<void> {
  const times = contestants.map(() => [] as number[])
  for (let i = 0; i < rounds; i++) {
    for (const [which, [, work]] of contestants.entries()) {
      const ms = await timed(() => work(i))
      if (i >= Math.floor(rounds / 4)) times[which]!.push(ms)
    }
    await onRound(i)
  }
  const floor = median(times[0]!)
  for (const [which, [name]] of contestants.entries()) {
    const all = times[which]!
    const ratio = (median(all) / floor).toFixed(2)
    const [p10, p50, p99] = [0.1, 0.5, 0.99].map((share) => quantile(all, share).toFixed(2))
    report(`${name}: p10 ${p10}, p50 ${p50}, p99 ${p99} ms; p50 is ${ratio} of the first`)
  }
}

const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!
