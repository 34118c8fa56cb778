import { test } from '../serial.ts'
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../../cli/commands.ts'
import { FLAGS } from '../../cli/flags.ts'
import { MAN_FOLDER, manPages } from '../../tools/man.ts'
import { ROOT, read } from './tree.ts'

const pages = manPages()

test('R007-455 the build has written the pages of man, one for each command', (t) => {
  const names = Object.keys(pages)
  t.deepEqual(readdirSync(join(ROOT, MAN_FOLDER)).toSorted(), names.toSorted())
  for (const name of names) t.is(readFileSync(join(ROOT, MAN_FOLDER, name), 'utf8'), pages[name]!)
  for (const name of Object.keys(COMMANDS)) t.true(names.includes(`dstore-${name}.1`), name)
})

test('R007-455 the package names every page of man', (t) => {
  const { man } = JSON.parse(read('package.json')) as { readonly man: readonly string[] }
  t.deepEqual(
    man.toSorted(),
    Object.keys(pages)
      .map((name) => `./${MAN_FOLDER}/${name}`)
      .toSorted(),
  )
})

test('R007-455 man shows every page without a warning, and each option and example in it', (t) => {
  if (spawnSync('groff', ['--version']).error !== undefined) {
    t.log('groff is not installed: the pages were not formatted')
    t.pass()
    return
  }
  const all = Object.values(pages).join('')
  const { stdout, stderr } = spawnSync(
    'groff',
    ['-man', '-Tascii', '-ww', '-P-cbou', '-rLL=400n'],
    {
      input: all,
      maxBuffer: 1 << 26,
    },
  )
  t.is(stderr.toString(), '')
  const shown = stdout.toString().replaceAll(/\s+/g, ' ')
  for (const [name, { summary, examples }] of Object.entries(COMMANDS)) {
    t.true(shown.includes(`dstore-${name} - ${summary}`), name)
    for (const [example, does] of examples) {
      t.true(shown.includes(example), example)
      t.true(shown.includes(does), does)
    }
  }
  for (const flag of Object.keys(FLAGS)) t.true(shown.includes(`--${flag}`), flag)
})
