import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { HELP, VERBS, parseStatement } from '../../../cli/repl/statement.ts'
import { insteadOf } from '../../../cli/repl/foreign.ts'
import { splitWords } from '../../../cli/repl/quoting.ts'

const texts = (line: string): string[] => splitWords(line).words.map(({ text }) => text)

/** A spelling that `splitWords` reads back as this word. */
function quoteWord(word: string): string {
  if (/^[^\s'"\\]+$/.test(word)) return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

test('R007-60 words are quoted as in a shell', (t) => {
  for (const [line, expected] of [
    ['', []],
    [' \t ', []],
    ['SET hi hello', ['SET', 'hi', 'hello']],
    ['  a\tb  ', ['a', 'b']],
    [`'a b' "c d" e\\ f`, ['a b', 'c d', 'e f']],
    [`a'b'"c"d`, ['abcd']],
    [`'' ""`, ['', '']],
    [`'\\n' "\\n" \\n`, ['\\n', '\\n', 'n']],
    [`"\\"\\\\" '"'`, ['"\\', '"']],
    [`'two\nlines'`, ['two\nlines']],
    ['one\\\nword', ['oneword']],
    ['$HOME `x` # *', ['$HOME', '`x`', '#', '*']],
    ['naïve 日本 😀', ['naïve', '日本', '😀']],
  ] as const) {
    t.deepEqual(texts(line), [...expected], line)
    t.is(splitWords(line).open, undefined, line)
  }
})

test('R007-60 an open quote or escape continues on the next line', (t) => {
  for (const line of [`'`, `"`, `SET it's`, 'a\\', `"a\\"`, `'a\\`, `"'`]) {
    t.truthy(splitWords(line).open, line)
  }
})

test('R007-60 every word can be spelled, and knows its position', (t) => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
      const line = words.map(quoteWord).join('  ')
      const found = splitWords(line)
      t.is(found.open, undefined)
      t.deepEqual(
        found.words.map(({ text }) => text),
        words,
      )
      for (const { start, text } of found.words) {
        t.true(line.slice(start).startsWith(quoteWord(text)))
      }
    }),
  )
})

test('R007-60 the words of the seed are known in any case', (t) => {
  for (const word of ['SET', 'put', 'Insert', 'in', 'I']) {
    t.deepEqual(parseStatement([word, 'hi', 'hello']), { do: 'set', name: 'hi', value: 'hello' })
    t.deepEqual(parseStatement([word, 'hi']), { do: 'set', name: undefined, value: 'hi' })
    t.deepEqual(parseStatement([word, 'a', 'b', 'c d']), { do: 'set', name: 'a', value: 'b c d' })
  }
  for (const word of ['GET', 'out', 'Select', 'OUTPUT', 'o']) {
    t.deepEqual(parseStatement([word, 'hi']), { do: 'get', what: 'hi' })
  }
  for (const word of ['DEL', 'rem', 'Delete', 'REMOVE', 'rm', 'd']) {
    t.deepEqual(parseStatement([word, 'hi']), { do: 'del', what: 'hi' })
  }
  for (const word of ['.help', '.VERSION', '.exit']) {
    t.deepEqual(parseStatement([word]), { do: word.slice(1).toLowerCase() as 'help' })
    t.deepEqual(parseStatement([word.slice(1)]), { do: word.slice(1).toLowerCase() as 'help' })
  }
  t.deepEqual(parseStatement(['quit']), { do: 'exit' })
  t.deepEqual(parseStatement([]), { do: 'nothing' })
})

test('R007-60 every verb is in the help', (t) => {
  const shown = new Set(HELP.toLowerCase().match(/\.?[a-z]+/g))
  for (const word of VERBS.keys()) t.true(shown.has(word), word)
})

test('R007-60 a malformed statement is refused, with the nearest verb', (t) => {
  for (const words of [
    ['SET'],
    ['GET'],
    ['GET', 'a', 'b'],
    ['DEL'],
    ['.exit', 'now'],
    [''],
    ['EXISTS'],
    ['MGET'],
    ['KEYS', 'a', 'b'],
    ['LS', 'a', 'b'],
    ['PING', 'x'],
    ['STAT'],
  ]) {
    t.throws(() => parseStatement(words), { code: 'usage' }, words.join(' '))
  }
  const fault = t.throws(() => parseStatement(['selct', 'x']), { code: 'usage' })
  t.is((fault as unknown as { hint: string }).hint, 'did you mean select?')
  for (const word of ['INCR', 'lpush', 'Expire', 'SCAN', 'flushall', 'config']) {
    const { message, hint } = t.throws(() => parseStatement([word, 'x']), {
      code: 'usage',
    }) as Error & { hint: string }
    t.is(message, `there is no ${word.toUpperCase()} here`)
    t.is(hint, insteadOf(word.toLowerCase())!)
    t.true(hint.length > 20)
  }
  for (const word of VERBS.keys()) t.is(insteadOf(word), undefined, word)
  for (const word of ['constructor', '__proto__', 'toString', '.exits']) {
    t.throws(() => parseStatement([word, 'x']), { code: 'usage' }, word)
  }
})
