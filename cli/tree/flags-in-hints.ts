/** Hints about trees name options of the library: here a user reads the flags that set them. */
import { DstoreError } from '../../src/errors.ts'

const FLAGS: readonly (readonly [option: string, flag: string])[] = [
  ['`follow: true`', '--follow'],
  ['`ignore`', '--ignore-file'],
  ['`delete: true`', '--delete'],
]

/** The same work; of a failure, the hint names flags. `target` is where a tree is written. */
export async function withFlagsInHints<T>(work: () => Promise<T>, target = 'DIR'): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof DstoreError) || error.hint === undefined) throw error
    const { code, message, cause, hint } = error
    const named = FLAGS.reduce((text, [option, flag]) => text.replaceAll(option, flag), hint)
    throw new DstoreError(code, message, {
      cause,
      hint: named.replaceAll('`update: true`', () => `--update ${target}`),
    })
  }
}
