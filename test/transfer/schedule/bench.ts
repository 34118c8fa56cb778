/** A schedule for tests. */
import { Bitfield } from '../../../src/hash/tree/bitfield.ts'
import type { ByteRange } from '../../../src/hash/tree/tree.ts'
import { MIB } from '../../../src/limits.ts'
import { Schedule } from '../../../src/transfer/schedule/schedule.ts'
import type { ScheduleEffect } from '../../../src/transfer/schedule/schedule-events.ts'

export type Fetch = ScheduleEffect & { readonly type: 'fetch' }

export const SIZE: number = 16 * MIB

/** A schedule with a driver that a test operates by hand. */
export class Bench {
  readonly held: Bitfield
  readonly schedule: Schedule
  readonly running: Map<number, Fetch> = new Map()
  readonly asked: string[] = []
  now = 0

  constructor(size: number = SIZE, random: () => number = () => 0.5) {
    this.held = new Bitfield(size)
    this.schedule = new Schedule({ self: 'me', global: 'G', held: this.held, random })
    this.do({ type: 'source-added', source: 'G', now: 0 })
  }

  do(event: Parameters<Schedule['handle']>[0]): void {
    for (const effect of this.schedule.handle(event)) {
      if (effect.type === 'fetch') this.running.set(effect.task, effect)
      else if (effect.type === 'cancel') this.running.delete(effect.task)
      else this.asked.push(effect.source)
    }
  }

  want(...ranges: readonly ByteRange[]): void {
    this.do({ type: 'want', ranges, now: this.now })
  }

  joins(source: string, runs?: readonly ByteRange[]): void {
    this.do({ type: 'source-added', source, now: this.now })
    if (runs !== undefined) this.do({ type: 'holds', source, runs, now: this.now })
  }

  swarm(...peers: readonly string[]): void {
    this.do({ type: 'swarm', peers, now: this.now })
  }

  of(source: string): Fetch[] {
    return [...this.running.values()].filter((fetch) => fetch.source === source)
  }

  /** Bring what a task asks for, or the first bytes of it. */
  bring({ task, ranges }: Fetch, most: number = Infinity): void {
    for (const { start, end } of ranges) {
      for (let at = start; at < Math.min(end, start + most); at += MIB / 4) {
        const stop = Math.min(end, at + MIB / 4)
        this.held.setRange({ start: at, end: stop })
        this.do({ type: 'received', task, bytes: stop - at, now: this.now })
        if (!this.running.has(task)) return
      }
    }
    if (most < Infinity) return
    this.running.delete(task)
    this.do({ type: 'completed', task, now: this.now })
  }

  tick(ms: number): void {
    this.now += ms
    this.do({ type: 'tick', now: this.now })
  }
}

export const WHOLE: ByteRange = { start: 0, end: SIZE }
