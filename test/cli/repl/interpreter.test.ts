import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import type { Values } from '../../../cli/repl/values.ts'
import { Interpreter } from '../../../cli/repl/interpreter.ts'
import { scriptLines } from '../../../cli/repl/script.ts'
import { ClosedPipe } from '../../../cli/terminal/output.ts'
import { DstoreError } from '../../../src/errors.ts'
import { STATEMENT_CHARS } from '../../../src/limits.ts'

const RUNNING = new AbortController().signal

/** An interpreter whose values support only `put`. */
function interpreter(): {
  readonly said: string[]
  readonly puts: string[]
  readonly it: Interpreter
} {
  const said: string[] = []
  const puts: string[] = []
  const put: Values['put'] = async (value) => {
    await Promise.resolve()
    if (value === 'fault') throw new DstoreError('no-space', 'the disk is full')
    if (value === 'cancel') throw new DstoreError('cancelled', 'cancelled')
    puts.push(value)
    return { key: `key${puts.length}` }
  }
  const terminal = {
    print: (line: string): Promise<0> => {
      if (line === 'key9') return Promise.reject(new ClosedPipe())
      said.push(line)
      return Promise.resolve(0)
    },
    fail: ({ message }: DstoreError): void => void said.push(`! ${message}`),
  }
  const it = new Interpreter(terminal, (work) => work({ put } as Partial<Values> as Values))
  return { said, puts, it }
}

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const size of sizes) {
    yield bytes.subarray(at, at + size)
    at += size
  }
  yield bytes.subarray(at)
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const line of lines) found.push(line)
  return found
}

test('R007-60 an open quote continues on the next line', async (t) => {
  const { puts, it } = interpreter()
  for (const line of [`SET 'one`, '', ` two "`, `three'`, 'SET \\', 'four', 'SET "a\\', 'b"']) {
    await it.take(line, RUNNING)
  }
  t.deepEqual(puts, ['one\n\n two "\nthree', 'four', 'ab'])
  t.is(it.end(), 0)
})

test('R007-60 a quoted value is the same however it is split into lines', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (value) => {
      const { puts, it } = interpreter()
      for (const line of `SET '${value.replaceAll("'", `'\\''`)}'`.split('\n')) {
        await it.take(line, RUNNING)
      }
      t.deepEqual(puts, [value])
    }),
  )
})

test('R007-60 an unfinished statement can be discarded', async (t) => {
  const { puts, it } = interpreter()
  await it.take(`SET 'one`, RUNNING)
  t.true(it.isOpen)
  it.discard()
  t.false(it.isOpen)
  await it.take('SET two', RUNNING)
  t.deepEqual(puts, ['two'])
})

test('R007-63 a failure is reported, and the next statement executed', async (t) => {
  const { said, it } = interpreter()
  for (const line of ['SET fault', '', '  ', 'nonsense', 'SET cancel', 'SET x', '.version']) {
    await it.take(line, RUNNING)
  }
  t.deepEqual(said.slice(0, 3), ['! the disk is full', '! no such statement: nonsense', 'key1'])
  t.regex(said[3]!, /^dstore \d/)
  t.is(it.end(), 8)
})

test('R007-63 the exit code is that of all statements', async (t) => {
  for (const [lines, exit] of [
    [[], 0],
    [['SET x'], 0],
    [['SET fault', 'SET fault'], 7],
    [['SET fault', 'SET x'], 8],
    [['nonsense'], 2],
    [[`SET 'x`], 2],
  ] as const) {
    const { it } = interpreter()
    for (const line of lines) await it.take(line, RUNNING)
    t.is(it.end(), exit, lines.join('; '))
  }
})

test('R007-63 .exit ends it', async (t) => {
  const { it } = interpreter()
  await it.take('.exit', RUNNING)
  t.true(it.isOver)
})

test('R007-27 a closed pipe ends the session', async (t) => {
  const { it } = interpreter()
  for (let i = 1; i < 9; i++) await it.take('SET x', RUNNING)
  await t.throwsAsync(it.take('SET x', RUNNING), { name: 'ClosedPipe' })
})

test('R007-60 a statement is bounded, in one line and in many', async (t) => {
  const { said, puts, it } = interpreter()
  await it.take(`SET ${'x'.repeat(STATEMENT_CHARS)}`, RUNNING)
  await it.take(`SET '`, RUNNING)
  for (let i = 0; i < STATEMENT_CHARS / 1000 + 1 && it.isOpen; i++) {
    await it.take('x'.repeat(1000), RUNNING)
  }
  t.is(said.length, 2)
  for (const line of said) t.regex(line, /^! a statement has at most/)
  await it.take(`SET ${'x'.repeat(STATEMENT_CHARS - 4)}`, RUNNING)
  t.is(puts[0]?.length, STATEMENT_CHARS - 4)
  const endless = (async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(100_000).fill(0x61)
  })()
  await t.throwsAsync(all(scriptLines(endless)), { code: 'too-large' })
})

test('R007-63 lines of a script are the same however they arrive', async (t) => {
  const text = 'a\nb\r\n\nc\u2028d\re\n日本😀\nlast'
  const bytes = new TextEncoder().encode(text)
  const expected = ['a', 'b', '', 'c\u2028d\re', '日本😀', 'last']
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 9 })), async (sizes) => {
      t.deepEqual(await all(scriptLines(pieces(bytes, sizes))), expected)
    }),
  )
  t.deepEqual(await all(scriptLines(pieces(new TextEncoder().encode('a\n'), []))), ['a'])
  t.deepEqual(await all(scriptLines(pieces(new Uint8Array(), []))), [])
})

test('R007-63 a script that is not UTF-8 is refused, not changed', async (t) => {
  for (const bytes of [
    [0xff, 0x0a],
    [0x61, 0xc3],
  ]) {
    await t.throwsAsync(all(scriptLines(pieces(Uint8Array.from(bytes), []))), { code: 'usage' })
  }
})

test('R007-107 lines of a script come before one that is not UTF-8, and before a failure', async (t) => {
  const found: string[] = []
  const read = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    found.length = 0
    for await (const line of scriptLines(bytes)) found.push(line)
  }
  const harmed = Buffer.concat([Buffer.from('a\nb\nc'), Uint8Array.of(0xff), Buffer.from('\nd\n')])
  await t.throwsAsync(read(pieces(harmed, [])), { code: 'usage' })
  t.deepEqual(found, ['a', 'b'])
  const failing = (async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a\nb\nc')
    throw new Error('gone')
  })()
  await t.throwsAsync(read(failing), { message: 'gone' })
  t.deepEqual(found, ['a', 'b'])
  await read(pieces(Buffer.from('\uFEFFa\n\uFEFFb\n'), []))
  t.deepEqual(found, ['a', '\uFEFFb'])
})
