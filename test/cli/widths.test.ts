/**
 * What users see on terminals of 40, 80 and 120 columns: each page of help, lines of progress, and
 * each error and hint of the transcripts. `DSTORE_TRANSCRIPTS=write` rewrites the files.
 */
import { test } from '../serial.ts'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../../cli/commands.ts'
import { commandHelp, overview } from '../../cli/help/help.ts'
import { TOPICS, topicHelp } from '../../cli/help/topics.ts'
import { wrap } from '../../cli/help/wrap.ts'
import { ManyProgress } from '../../cli/many/progress.ts'
import { ProgressLine } from '../../cli/terminal/progress.ts'
import { showFolder } from '../../cli/tree/folder-progress.ts'

const TRANSCRIPTS = join('test', 'transcripts')
const FOLDER = join(TRANSCRIPTS, 'widths')
const WIDTHS = [40, 80, 120]

function help(columns: number): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, command]) => `$ dstore ${name} --help\n${commandHelp(command, name, columns)}`,
  )
  const topics = Object.keys(TOPICS).map(
    (name) => `$ dstore help ${name}\n${topicHelp(name, columns)}`,
  )
  return [`$ dstore --help\n${overview(COMMANDS, columns)}`, ...commands, ...topics].join('\n\n')
}

/** As a terminal shows them, with the blank that keeps the cursor on the line. */
function progress(columns: number): string {
  const drawn: string[] = []
  let now = 0
  const begun = (label: string): ProgressLine => {
    const write = (text: string): void => void drawn.push(text.replace('\r\u001b[K', ''))
    const line = new ProgressLine(
      label,
      write,
      () => columns,
      () => now,
    )
    now += 5000
    return line
  }
  const one = begun('model-00001-of-00004.safetensors')
  one.peers = 'from Global and 2 Locals'
  one.update(2 ** 29, 2 ** 31)
  now += 5000
  one.update(2 ** 29 + 1)
  drawn.push(`${one.summary('fetched')}`)
  const several = new ManyProgress(begun('4 files'), 4, 'file')
  const files = [2 ** 20, 2 ** 30, 2 ** 25].map((size) => several.begin(size))
  files[0]!.update(2 ** 20, 2 ** 20)
  files[0]!.end()
  now += 5000
  files[1]!.update(2 ** 27, 2 ** 30)
  const folder = begun('a-folder')
  const bytes = { doneBytes: 2 ** 22, totalBytes: 2 ** 33 }
  showFolder(folder, 'a-folder')({ phase: 'hash', doneFiles: 3, totalFiles: 1200, ...bytes })
  return drawn.join('\n')
}

/** Each error and hint that a transcript shows, once. */
function errors(columns: number): string {
  const found = new Set<string>()
  for (const name of readdirSync(TRANSCRIPTS).toSorted()) {
    if (!name.endsWith('.txt')) continue
    const lines = readFileSync(join(TRANSCRIPTS, name), 'utf8').split('\n')
    for (const line of lines) if (/^! (dstore|hint): /.test(line)) found.add(line.slice(2))
  }
  return [...found].map((line) => wrap(line, columns, '  ')).join('\n')
}

for (const [what, shown] of Object.entries({ help, progress, errors })) {
  for (const columns of WIDTHS) {
    test(`R007-450 R007-452 ${what} at ${columns} columns is as its transcript`, (t) => {
      const path = join(FOLDER, `${what}-${columns}.txt`)
      const text = `${shown(columns)}\n`
      if (process.env['DSTORE_TRANSCRIPTS'] === 'write') {
        mkdirSync(FOLDER, { recursive: true })
        writeFileSync(path, text)
      }
      t.is(text, readFileSync(path, 'utf8'))
      // What is over the edge is one word, such as a key or a command that stays whole.
      for (const line of text.split('\n').filter((one) => one.length > columns)) {
        t.regex(line.trim().replace(/ \\$/, ''), /^\S+$|`[^`]*`|^(dstore|hint): \S+$|'|\[|"/, line)
      }
    })
  }
}
