/** Runs suites that are written for ava, as tests of a report. */
import assert from 'node:assert/strict'
import type { ExecutionContext, SerialFn } from 'ava'
import type { Report } from '../doors/clients/report.ts'

interface Expected {
  readonly instanceOf?: new (...args: never[]) => unknown
  readonly message?: string | RegExp
  readonly code?: string
}

/** `test` gathers what `run` runs. */
export function cases(report: Report): { test: SerialFn; run: () => Promise<void> } {
  const gathered: { title: string; run: (t: ExecutionContext) => unknown }[] = []
  const test = (title: string, run: (t: ExecutionContext) => unknown): void => {
    gathered.push({ title, run })
  }
  return {
    test: test as unknown as SerialFn,
    run: async () => {
      for (const { title, run } of gathered) {
        await report.test(title, async () => void (await run(context)))
      }
    },
  }
}

/** The assertions that the suites use. */
const assertions = {
  is: (actual: unknown, expected: unknown) => assert.equal(actual, expected),
  deepEqual: (actual: unknown, expected: unknown) => assert.deepEqual(actual, expected),
  true: (actual: unknown) => assert.equal(actual, true),
  false: (actual: unknown) => assert.equal(actual, false),
  pass: () => undefined,
  fail: (message?: string) => assert.fail(message),
  like: (actual: object, expected: object) => {
    const picked = Object.keys(expected).map((name) => [
      name,
      (actual as Record<string, unknown>)[name],
    ])
    assert.deepEqual(Object.fromEntries(picked), expected)
  },
  throws: (act: () => unknown, expected?: Expected) => {
    let thrown: unknown
    try {
      act()
    } catch (error) {
      thrown = error
    }
    return expectedError(thrown, expected)
  },
  throwsAsync: async (promise: Promise<unknown>, expected?: Expected) => {
    const outcome = await promise.then(
      () => undefined,
      (error: unknown) => error,
    )
    return expectedError(outcome, expected)
  },
}

function expectedError(error: unknown, { instanceOf, message, code }: Expected = {}): Error {
  assert.ok(error instanceof Error, 'nothing was thrown')
  if (instanceOf !== undefined) assert.ok(error instanceof instanceOf, error.stack)
  if (code !== undefined) assert.equal((error as Error & { code?: string }).code, code)
  if (typeof message === 'string') assert.equal(error.message, message)
  else if (message !== undefined) assert.match(error.message, message)
  return error
}

/** What a suite uses beyond them fails by name. */
const context = new Proxy(assertions, {
  get: (known, name) => {
    const found: unknown = Reflect.get(known, name)
    if (found === undefined) throw new TypeError(`no assertion ${String(name)} here`)
    return found
  },
}) as unknown as ExecutionContext
