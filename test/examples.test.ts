/** Runs each example as a program: it prints what its last comment says. */
import { test } from './serial.ts'
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { Place } from './cli/command.ts'

const examples = readdirSync('examples').filter((name) => /\.[cm]js$/.test(name))

test('there are examples, and each says what it prints', (t) => {
  t.true(examples.length >= 9)
  const page = readFileSync('examples/README.md', 'utf8')
  for (const name of examples) t.true(page.includes(`[${name}](${name})`), name)
  for (const name of examples) t.regex(readFileSync(`examples/${name}`, 'utf8'), /\/\* prints\n/)
})

for (const name of examples) {
  test(`examples/${name} prints what it says`, async (t) => {
    const place = new Place(t)
    const started = await place.run(['start', '--store', 'memory'])
    t.is(started.exit, 0, started.stderr)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`examples/${name}`], {
      env: place.env(),
      timeout: 170_000,
    })
    const [, expected] = /\/\* prints\n(.*)\*\/\n$/s.exec(readFileSync(`examples/${name}`, 'utf8'))!
    const lines = (text: string): string[] => text.split('\n').map((line) => line.trimEnd())
    t.deepEqual(lines(stdout), lines(expected!))
    t.is(stderr, '')
  })
}
