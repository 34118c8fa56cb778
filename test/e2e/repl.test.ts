import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { BUNDLE, outcome } from '../cli/command.ts'
import type { Outcome, Place } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { network } from './nodes.ts'

/** A prompt in a pseudo-terminal, and a user who types. */
class Typist {
  readonly #child: ReturnType<typeof spawn>
  #screen = ''
  /** How much of the screen earlier calls consumed. */
  #seen = 0

  constructor(t: ExecutionContext, place: Place) {
    const command = `stty cols 80; exec '${process.execPath}' '${BUNDLE}' repl`
    this.#child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: place.path,
      env: place.env({ TERM: 'xterm', SHELL: '/bin/sh' }),
    })
    this.#child.stdout!.on('data', (piece) => (this.#screen += String(piece)))
    t.teardown(() => this.#child.kill('SIGKILL'))
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys)
  }

  /** Waits for this text after the last one found, and returns the screen up to its end. */
  async until(text: string): Promise<string> {
    await eventually((saw) => saw(this.#screen).includes(text, this.#seen))
    const end = this.#screen.indexOf(text, this.#seen) + text.length
    const shown = this.#screen.slice(this.#seen, end)
    this.#seen = end
    return shown
  }

  async exit(): Promise<unknown> {
    const [code] = (await once(this.#child, 'close')) as [number]
    return code
  }
}

/** A prompt that lines are typed into; each is answered with one line. */
function prompting(place: Place): {
  readonly answer: (statement: string) => Promise<string>
  readonly end: () => Promise<Outcome>
} {
  const prompt = place.start(['repl'])
  const ended = outcome(prompt)
  return {
    answer: async (statement) => {
      const next = once(prompt.stdout!, 'data')
      prompt.stdin!.write(`${statement}\n`)
      return String((await next)[0]).trimEnd()
    },
    end: () => {
      prompt.stdin!.end('.exit\n')
      return ended
    },
  }
}

test('R007-60 R007-61 the demo of the first dstore, with two Locals: SET, PUT, GET, OUT, DEL, REM', async (t) => {
  const { locals } = await network(t, 2, { global: ['--store', 'memory'] })
  const [here, there] = locals.map(({ place }) => prompting(place))
  const demo: readonly (readonly [at: typeof here, statement: string, answer: string])[] = [
    [here, 'SET key value', 'stored key'],
    [here, 'SET key value', 'key is taken'],
    [here, 'SET key other', 'key is taken'],
    [there, 'SET key other', 'key is taken; its value is here now'],
    [there, 'GET key', 'value'],
    [here, 'GET key', 'value'],
    [here, 'GET random', 'no such name or key: random'],
    [here, 'PUT hi hello', 'stored hi'],
    [there, 'GET hi', 'hello (fetched)'],
    [there, 'OUT hi', 'hello'],
    // What the first one could not: a prompt that waits hears of what others remove.
    [here, 'DEL key', 'removed key'],
    [there, 'GET key', 'no such name or key: key'],
    [there, 'REM hi', 'removed hi'],
    [here, 'OUT hi', 'no such name or key: hi'],
    [there, 'SET key again', 'stored key'],
    [here, 'GET key', 'again (fetched)'],
  ]
  for (const [at, statement, answer] of demo) t.is(await at!.answer(statement), answer, statement)
  for (const prompt of [here, there]) t.is((await prompt!.end()).stderr, '')
})

test('R007-63 while a prompt waits, what others remove is gone', async (t) => {
  const { locals } = await network(t, 2, { global: ['--store', 'memory'] })
  const [a, b] = locals.map(({ place }) => place) as [Place, Place]
  const prompt = a.start(['repl'])
  const ended = outcome(prompt)
  const answer = async (statement: string): Promise<string> => {
    const next = once(prompt.stdout!, 'data')
    prompt.stdin!.write(`${statement}\n`)
    return String((await next)[0]).trimEnd()
  }
  t.is(await answer('SET hi hello'), 'stored hi')
  t.is(await answer('GET hi'), 'hello')
  t.is((await b.run(['repl'], { input: 'DEL hi\n' })).stdout.toString(), 'removed hi\n')
  t.is(await answer('GET hi'), 'no such name or key: hi')
  t.is((await b.run(['repl'], { input: 'SET hi again\n' })).exit, 0)
  t.is(await answer('GET hi'), 'again (fetched)')
  prompt.stdin!.end()
  t.is((await ended).exit, 8, 'one statement found nothing')
})

test('R007-60 R007-63 R007-64 R007-65 a prompt on a terminal', async (t) => {
  const { global } = await network(t, 0, { global: ['--store', 'memory'] })
  const { place } = global
  const typist = new Typist(t, place)
  await typist.until('dstore> ')
  typist.type('SET models/first hello\r')
  await typist.until('stored models/first')
  await typist.until('dstore> ')

  // The tabulator key completes the verb, then the name.
  typist.type('GE')
  await typist.until('GE')
  typist.type('\t')
  await typist.until('T')
  typist.type('mod')
  await typist.until('mod')
  typist.type('\t')
  await typist.until('els/first')
  typist.type('\r')
  await typist.until('hello\r\n')
  await typist.until('dstore> ')

  // What is pasted is done line after line, and a tabulator in it completes nothing.
  typist.type(`SET a 1\rSET b 'x\ty\rz'\rGET b\rGET a\r`)
  await typist.until('x\\ty\\nz')
  await typist.until('1\r\n')
  await typist.until('dstore> ')

  // What has begun is given up with Ctrl-C, and the prompt goes on.
  typist.type(`SET 'never`)
  await typist.until('never')
  typist.type('\r')
  await typist.until('...> ')
  typist.type('\u0003')
  await typist.until('dstore> ')
  typist.type('GET models/first\r')
  await typist.until('hello\r\n')
  await typist.until('dstore> ')

  // No value moves the cursor.
  const { key } = JSON.parse(
    (await place.run(['put', '-', '--json'], { input: '\u001b[2Jgone' })).stdout.toString(),
  ) as { key: string }
  typist.type(`GET ${key}\r`)
  await typist.until(`\\u001b[2Jgone`)
  await typist.until('dstore> ')
  typist.type('\u0004')
  t.is(await typist.exit(), 0)

  const history = `${place.state}/repl-history`
  t.is(statSync(history).mode & 0o777, 0o600)
  t.true(readFileSync(history, 'utf8').startsWith('SET models/first hello\nGET models/first\n'))
  const again = new Typist(t, place)
  await again.until('dstore> ')
  again.type('\u001b[A')
  await again.until(`GET ${key.slice(0, 20)}`)
  again.type('\r')
  await again.until(`\\u001b[2Jgone`)
  again.type('.exit\r')
  t.is(await again.exit(), 0)
})
