import { localsText, printRemoval, removedText } from '../../cli/commands/rm.ts'
import type { Terminal } from '../../cli/terminal/terminal.ts'
import { test } from '../serial.ts'

const ACKNOWLEDGED = {
  seq: 7,
  freedBytes: 2048,
  names: [],
  acknowledged: [],
  owed: [],
  expired: [],
}

/** What is printed, what is noted, and the exit code. */
async function printed(tree?: {
  readonly removed: number
  readonly most: number
  readonly complete: boolean
}): Promise<[string, string[], number]> {
  let line = ''
  const notes: string[] = []
  const terminal: Pick<Terminal, 'printFact' | 'note'> = {
    printFact: (_, text) => {
      line = text
      return Promise.resolve()
    },
    note: (text) => void notes.push(text),
  }
  const removed = tree === undefined ? ACKNOWLEDGED : { ...ACKNOWLEDGED, tree }
  const text = removedText({ key: 'KEY', ...removed })
  const exit = await printRemoval(terminal, removed, text, {})
  return [line, notes, exit]
}

test('R007-266 a removed directory says how many values went with it', async (t) => {
  t.deepEqual(await printed(), ['removed KEY (2KiB freed)', [], 0])
  t.deepEqual(await printed({ removed: 1, most: 4, complete: true }), [
    'removed KEY (2KiB freed)',
    [],
    0,
  ])
  t.deepEqual(await printed({ removed: 4, most: 9, complete: true }), [
    'removed KEY and 3 values below it (2KiB freed)',
    [],
    0,
  ])
})

test('R007-266 a removal that goes on says how far it has come, and is partial', async (t) => {
  t.deepEqual(await printed({ removed: 3, most: 9, complete: false }), [
    'decided to remove KEY: 3 of at most 9 values removed (2KiB freed)',
    ['the rest is removed in the background; repeat the command to wait for it'],
    8,
  ])
})

test('R007-449 a removal says what went and how many agreed; -v names everything', (t) => {
  const removed = { key: 'KEY', ...ACKNOWLEDGED }
  t.is(removedText(removed, { name: 'a/b' }), 'removed a/b and its value (2KiB freed)')
  const verbose = 'removed a/b and its value KEY (seq 7, 2KiB freed)'
  t.is(removedText(removed, { name: 'a/b', verbose: true }), verbose)
  const nameOf = (peer: string): string => peer.toUpperCase()
  t.is(localsText([], nameOf, true), '')
  t.is(localsText(['b', 'a'], nameOf, true), 'A B')
  t.is(localsText(['b'], nameOf, false), '1 Local')
})
