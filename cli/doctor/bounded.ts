/** A part of what `doctor` gathers: it takes a bounded time, and its failure is a fact, too. */
import { inTime } from '../../src/deadline.ts'
import { asDstoreError } from '../../src/errors.ts'
import type { Fact } from './facts.ts'
import { span } from '../wording.ts'

export interface Bounds {
  /** How long each part may take, in milliseconds. */
  readonly timeoutMs: number
  /** Ends everything at once. */
  readonly signal: AbortSignal
  /** A part began, and its work ended. */
  readonly onPart?: (what: string, isOver: boolean) => void
}

/** The result of the work, or why there is none. Rejects only with the reason of the signal. */
export async function bounded<T>(
  what: string,
  { timeoutMs, signal, onPart }: Bounds,
  work: () => Promise<T>,
): Promise<Fact<T>> {
  signal.throwIfAborted()
  onPart?.(what, false)
  try {
    const value = await inTime<T>({ ms: timeoutMs, what, signal }, (resolve, reject) => {
      work().then(
        (result) => resolve(() => result),
        (error: unknown) => reject(asDstoreError(error)),
      )
      return () => undefined
    })
    return { value }
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = asDstoreError(error)
    const isLate = code === 'timeout' && message.startsWith(what)
    return { why: isLate ? `${what} took longer than ${span(timeoutMs)}` : oneLine(message) }
  } finally {
    onPart?.(what, true)
  }
}

const oneLine = (message: string): string => message.split('\n', 1)[0]!
