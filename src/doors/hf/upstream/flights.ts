/** Work that several callers want is done once, and so much of it at a time (R010-78). */
import { DstoreError } from '../../../errors.ts'
import { untilAborted } from '../../../deadline.ts'

interface Flight<T> {
  readonly result: Promise<T>
  /** Callers that still wait. */
  waiting: number
  /** Drops it if it has not begun. */
  readonly drop: () => void
}

export interface FlightLimits {
  /** Works at a time. */
  readonly atOnce: number
  /** Works that wait for others. */
  readonly queued: number
}

/** Works by their names. */
export class Flights<T> {
  readonly #limits: FlightLimits
  readonly #flights = new Map<string, Flight<T>>()
  readonly #queue = new Set<() => void>()
  #running = 0

  constructor(limits: FlightLimits) {
    this.#limits = limits
  }

  /**
   * The result of the work with this name, which begins if it is not under way. Once begun it ends
   * by itself, whether or not its callers wait; before, it is dropped with its last caller. Throws
   * `busy` for one work too many, and the reason of the caller's signal.
   */
  async join(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const flight = this.#flights.get(name) ?? this.#begin(name, work)
    flight.waiting++
    try {
      return await untilAborted(flight.result, signal)
    } finally {
      if (--flight.waiting === 0) flight.drop()
    }
  }

  #begin(name: string, work: () => Promise<T>): Flight<T> {
    const { atOnce, queued } = this.#limits
    let drop = (): void => undefined
    let turn: Promise<void> | undefined
    if (this.#running >= atOnce) {
      if (this.#queue.size >= queued) {
        throw new DstoreError('busy', 'too many downloads from the upstream are waiting')
      }
      turn = new Promise<void>((resolve, reject) => {
        const begin = (): void => {
          drop = () => undefined
          resolve()
        }
        this.#queue.add(begin)
        drop = () => {
          this.#queue.delete(begin)
          this.#flights.delete(name)
          reject(new DstoreError('cancelled', 'no caller waits for it any more'))
        }
      })
    } else {
      this.#running++
    }
    const result = this.#run(name, turn, work)
    // Its callers may all have left.
    result.catch(() => undefined)
    const flight = { result, waiting: 0, drop: () => drop() }
    this.#flights.set(name, flight)
    return flight
  }

  async #run(name: string, turn: Promise<void> | undefined, work: () => Promise<T>): Promise<T> {
    await turn
    try {
      return await work()
    } finally {
      this.#flights.delete(name)
      // The place goes to the next one, else it is free.
      const [next] = this.#queue
      if (next === undefined) {
        this.#running--
      } else {
        this.#queue.delete(next)
        next()
      }
    }
  }
}
