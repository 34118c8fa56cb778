/**
 * `lmdb` prints the error of a failed commit, with its stack, before it rejects with it, and has no
 * option against that. The store reports the failure itself, so it must not be printed as well.
 * Its C code also writes half a line to standard error, which this ends: a log may follow.
 */
/* oxlint-disable no-console -- this filters what lmdb prints */
import { writeSync } from 'node:fs'

type ConsoleError = typeof console.error

/** Errors that were to be printed while a commit ran, which may be those of the commit. */
let held: Error[] = []
let running = 0
let restore = (): void => undefined

/** Runs a commit; if it rejects, `reasonOf` finds the error that was printed with it. */
export async function unprinted<T>(
  commit: () => Promise<T>,
  reasonOf: (thrown: unknown) => Promise<unknown>,
): Promise<T> {
  if (running++ === 0) restore = intercept()
  try {
    return await commit()
  } catch (error) {
    const reason = await reasonOf(error)
    held = held.filter((one) => one !== reason)
    if (isErrno(reason)) endLine()
    throw reason
  } finally {
    if (--running === 0) restore()
  }
}

/** Holds back what `lmdb` might print; returns how to stop, and to print what was another's. */
function intercept(): () => void {
  const original: ConsoleError = console.error
  const holding: ConsoleError = (...printed) => {
    const [error] = printed as unknown[]
    if (printed.length === 1 && error instanceof Error && 'code' in error) held.push(error)
    else original.apply(console, printed)
  }
  console.error = holding
  return () => {
    // Another may have replaced it in turn, and still calls it.
    if (console.error === holding) console.error = original
    for (const error of held.splice(0)) original.call(console, error)
  }
}

/** `lmdb` has the errno of a failed call as a positive number, and codes of its own below zero. */
function isErrno(reason: unknown): boolean {
  return reason instanceof Error && 'code' in reason && Number(reason.code) > 0
}

function endLine(): void {
  try {
    writeSync(2, '\n')
  } catch {
    // Standard error is closed: nothing follows either.
  }
}
