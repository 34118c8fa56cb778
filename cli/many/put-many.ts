/** `dstore put` of several inputs, some at a time, reported in their order (R007-445). */
import type { Stats } from 'node:fs'
import { asDstoreError } from '../../src/errors.ts'
import { mapConcurrently } from '../archive/map-concurrently.ts'
import { ExitCodes } from '../exit-code.ts'
import { inspect } from '../input/input.ts'
import { groupSmall, type FileGroup } from '../input/small-files.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { ManyProgress, type ValueProgress } from './progress.ts'
import type { ProgressLine } from '../terminal/progress.ts'

/** A file as it was found: undefined for standard input. */
export interface FoundFile {
  readonly file: string
  readonly found: Stats | undefined
}

/** What one file came to. */
export type Stored<Answer> = { readonly answer: Answer } | { readonly error: unknown }

export interface PutMany<Answer> {
  readonly terminal: Terminal
  readonly files: readonly string[]
  /** How many are stored at a time. */
  readonly jobs: number
  /** May small files share a request? */
  readonly isBatched: boolean
  readonly line: ProgressLine
  readonly store: (one: FoundFile, progress: ValueProgress) => Promise<Answer>
  readonly storeSmall: (values: readonly Uint8Array[]) => Promise<readonly Answer[]>
  readonly report: (file: string, answer: Answer) => Promise<void>
}

/** Returns the common exit code. A file that fails costs no other. */
export async function putMany<Answer>(many: PutMany<Answer>): Promise<number> {
  const { terminal, files, jobs } = many
  const codes = new ExitCodes(terminal)
  const progress = new ManyProgress(many.line, files.length, 'file')
  const groups = many.isBatched ? groupSmall(files) : files.map((file) => alone(file))
  const stored = mapConcurrently(groups, jobs, async (group) => ({
    files: group.files,
    results: (await storedTogether(many, group, progress)) ?? (await eachOf(many, group, progress)),
  }))
  for await (const { files: ofGroup, results } of stored) {
    for (const [index, result] of results.entries()) {
      const file = ofGroup[index]!
      try {
        if ('error' in result) throw result.error
        await many.report(file, result.answer)
        codes.add(0)
      } catch (error) {
        if (asDstoreError(error).code === 'cancelled') throw error
        codes.fail(error, file)
      }
    }
  }
  return codes.common
}

const alone = (file: string): FileGroup => ({ files: [file], values: undefined })

/** Undefined if they do not go together, or if that fails: then each finds out by itself. */
async function storedTogether<Answer>(
  { storeSmall }: PutMany<Answer>,
  { values }: FileGroup,
  progress: ManyProgress,
): Promise<Stored<Answer>[] | undefined> {
  if (values === undefined) return undefined
  try {
    const answers = await storeSmall(values)
    for (const { byteLength } of values) {
      const one = progress.begin(byteLength)
      one.update(byteLength)
      one.end()
    }
    return answers.map((answer) => ({ answer }))
  } catch (error) {
    if (asDstoreError(error).code === 'cancelled') throw error
    return undefined
  }
}

async function eachOf<Answer>(
  { store }: PutMany<Answer>,
  { files }: FileGroup,
  progress: ManyProgress,
): Promise<Stored<Answer>[]> {
  const results: Stored<Answer>[] = []
  for (const file of files) {
    let one: ValueProgress | undefined
    try {
      const found = inspect(file, { folders: true })
      one = progress.begin(found?.isFile() === true ? found.size : undefined)
      results.push({ answer: await store({ file, found }, one) })
    } catch (error) {
      results.push({ error })
    } finally {
      one?.end()
    }
  }
  return results
}
