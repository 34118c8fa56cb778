/** The errors in `docs/troubleshooting.md` are those that the program prints. */
import { test } from '../serial.ts'
import { readFileSync, readdirSync } from 'node:fs'
import { patternOf } from '../../tools/guides/troubleshooting.ts'
import type { Trouble } from '../../tools/guides/trouble.ts'
import { TROUBLES } from '../../tools/guides/troubles.ts'
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import { blocksOf } from './page.ts'

const all = Object.entries(TROUBLES).flatMap(([code, { troubles }]) =>
  troubles.map((trouble) => ({ ...trouble, code: code as ErrorCode })),
)

/** Codes that come without a message of their own, or with any. */
const WITHOUT_MESSAGES: readonly string[] = ['internal', 'removed', 'cancelled']

/** What the program prints in a transcript, on a page or, as its source says, in a test. */
function printedIn(path: string): string[] {
  if (path.endsWith('.md')) {
    const steps = blocksOf(path).flatMap((block) => (block.isRun ? block.steps : []))
    return steps.flatMap(({ output = [] }) => output)
  }
  return readFileSync(path, 'utf8').split('\n')
}

/** The errors of a transcript, each with the exit code of its command. */
function errorsIn(transcript: string): { message: string; exit: number }[] {
  const [, ...commands] = readFileSync(transcript, 'utf8').split(/^\$ /m)
  return commands.flatMap((text) => {
    const exit = Number(/^exit (\d+)$/m.exec(text)?.[1] ?? 0)
    return [...text.matchAll(/^! dstore: (.*)$/gm)].map(([, message]) => ({
      message: message!,
      exit,
    }))
  })
}

const isOf = (message: string, trouble: Trouble): boolean =>
  new RegExp(`^${patternOf(trouble).source}$`).test(message)

test('each message is printed where the page says that it is seen', (t) => {
  t.true(all.length > 35)
  for (const trouble of all) {
    const lines = printedIn(trouble.shown)
    t.true(
      lines.some((line) => patternOf(trouble).test(line)),
      `${trouble.shown} has no "${trouble.message}"`,
    )
  }
})

test('a message has the exit code that it has in its transcript', (t) => {
  const ofTranscripts = all.filter(({ shown }) => shown.endsWith('.txt'))
  t.true(ofTranscripts.length > 15)
  for (const trouble of ofTranscripts) {
    const found = errorsIn(trouble.shown).filter(({ message }) => isOf(message, trouble))
    const exits = found.map(({ exit }) => exit)
    const { exit } = ERRORS[trouble.code]
    // A command that had other outcomes, too, ends with the code of those that are mixed.
    const isRight = exits.includes(exit) || exits.includes(ERRORS.partial.exit)
    t.true(isRight, `${trouble.message}: ${exits.join(' ')}`)
  }
})

test('every code has a message, but for those that have none of their own', (t) => {
  const without = Object.entries(TROUBLES).filter(([, { troubles }]) => troubles.length === 0)
  t.deepEqual(
    without.map(([code]) => code),
    WITHOUT_MESSAGES,
  )
  // The page says of each what it means.
  for (const [code, { about }] of Object.entries(TROUBLES)) t.true(about.length > 30, code)
})

test('what a script may meet in a transcript, with an exit code from 3 to 9, is on the page', (t) => {
  const folder = 'test/transcripts'
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))
  const errors = names.flatMap((name) => errorsIn(`${folder}/${name}`))
  const isSerious = (exit: number): boolean =>
    exit >= ERRORS['not-found'].exit && exit <= ERRORS.conflict.exit && exit !== ERRORS.partial.exit
  const serious = errors.filter(({ exit }) => isSerious(exit))
  t.true(serious.length > 30)
  const missing = serious.filter(({ message }) => !all.some((one) => isOf(message, one)))
  t.deepEqual(missing, [], 'add a row in tools/guides')
})
