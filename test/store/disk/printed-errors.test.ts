/** What `lmdb` prints of a failed commit is not printed; everything else is. */
/* oxlint-disable no-console -- this tests what is printed */
import { test } from '../../serial.ts'
import { unprinted } from '../../../src/store/disk/records/printed-errors.ts'

const failure = (message: string): Error => Object.assign(new Error(message), { code: 5 })

const itself = async (reason: unknown): Promise<unknown> => reason

/** The arguments of `console.error` while `work` runs. */
async function printedBy(work: () => Promise<unknown>): Promise<unknown[][]> {
  const printed: unknown[][] = []
  const original = console.error
  const recording = (...args: unknown[]): void => void printed.push(args)
  console.error = recording
  try {
    await work()
    if (console.error !== recording) throw new Error('console.error was not put back')
  } finally {
    console.error = original
  }
  return printed
}

test('R005-54: the error that a commit rejects with is not printed', async (t) => {
  const reason = failure('Input/output error')
  const printed = await printedBy(async () => {
    const commit = async (): Promise<void> => {
      await Promise.resolve()
      console.error(reason)
      throw new Error('Commit failed')
    }
    t.is(await t.throwsAsync(unprinted(commit, () => Promise.resolve(reason))), reason)
  })
  t.deepEqual(printed, [])
})

test('R005-54: what another prints during commits is printed', async (t) => {
  const other = failure('of another')
  const reason = failure('of the second')
  const printed = await printedBy(async () => {
    let end = (): void => undefined
    const first = unprinted(async () => {
      console.error('a line')
      console.error('a line with', other)
      console.error(other)
      await new Promise<void>((resolve) => (end = resolve))
      return 1
    }, itself)
    const second = async (): Promise<void> => {
      console.error(reason)
      throw reason
    }
    await t.throwsAsync(unprinted(second, itself))
    end()
    t.is(await first, 1)
  })
  t.deepEqual(printed, [['a line'], ['a line with', other], [other]])
})
