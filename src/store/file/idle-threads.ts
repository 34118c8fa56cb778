/** Threads that have no work at the moment, kept for the next one. */
import { Worker } from 'node:worker_threads'
import { HASH_THREAD_IDLE_MS } from '../../limits.ts'

/** They do not keep the process alive, and end after `HASH_THREAD_IDLE_MS`. */
export class IdleThreads {
  readonly #file: URL
  readonly #onEnd: () => void
  /** Each with the timer that ends it. */
  readonly #timers = new Map<Worker, NodeJS.Timeout>()

  /** `file`: what the threads run. `onEnd`: one of them has ended while it was idle. */
  constructor(file: URL, onEnd: () => void = () => undefined) {
    this.#file = file
    this.#onEnd = onEnd
  }

  /** Undefined if none is idle. */
  take(): Worker | undefined {
    const [worker] = this.#timers.keys()
    if (worker === undefined) return undefined
    this.#forget(worker)
    worker.ref()
    return worker
  }

  start(): Worker {
    // Threads must not inherit flags of a test runner or a debugger.
    return new Worker(this.#file, { execArgv: [] })
  }

  /** Takes a thread without listeners. */
  keep(worker: Worker): void {
    worker.unref()
    const end = (): void => {
      this.#forget(worker)
      this.#onEnd()
      void worker.terminate()
    }
    this.#timers.set(worker, setTimeout(end, HASH_THREAD_IDLE_MS).unref())
    worker.once('exit', end)
    worker.once('error', end)
  }

  #forget(worker: Worker): void {
    clearTimeout(this.#timers.get(worker))
    this.#timers.delete(worker)
    silence(worker, ['exit', 'error'])
  }
}

/** Ends listening to a thread. By name, because Node has listeners on it too. */
export function silence(
  worker: Worker,
  events: readonly string[] = ['message', 'error', 'exit'],
): void {
  for (const event of events) worker.removeAllListeners(event)
}
