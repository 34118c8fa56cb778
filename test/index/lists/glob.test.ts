import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import { Glob } from '../../../src/index/lists/glob.ts'

const doesMatch = (pattern: string, name: string): boolean => new Glob(pattern).matches(name)

test('R004-162: what each part of a pattern stands for', (t) => {
  const cases: [pattern: string, matching: string[], others: string[]][] = [
    ['*.bin', ['a.bin', 'models/v1/a.bin', '.bin'], ['a.bin/x', 'a.bi', 'abin']],
    ['a/*.bin', ['a/x.bin', 'a/.bin'], ['x.bin', 'a/b/x.bin', 'b/a/x.bin']],
    ['a/**/x', ['a/x', 'a/b/x', 'a/b/c/x'], ['a/bx', 'ax', 'a//', 'b/a/x']],
    ['**/x', ['x', 'a/x', 'a/b/x'], ['ax', 'x/a']],
    ['a/**', ['a/', 'a/b', 'a/b/c'], ['a', 'b/a']],
    ['a**c/d', ['ac/d', 'a/b/c/d'], ['a/d']],
    ['v?', ['v1', 'vé', 'v😀', 'a/v1'], ['v', 'v12']],
    ['a?/b', ['ax/b'], ['a//b', 'a/b']],
    ['[a-c]x', ['ax', 'cx', 'd/bx'], ['dx', 'x']],
    ['[!a-c]x', ['dx', 'é/éx'], ['ax', 'x']],
    ['a[!b]c/d', ['axc/d'], ['a/c/d']],
    ['[]]x', [']x'], ['[x']],
    ['[a-]x', ['ax', '-x'], ['bx']],
    ['\\*x', ['*x'], ['ax', '\\ax']],
    ['[\\]]x', [']x'], ['\\x']],
    ['x\\', ['x\\'], ['x']],
    ['*', ['', 'a', 'a/b', 'a/'], []],
    ['a/*', ['a/', 'a/b'], ['a/b/c', 'a']],
  ]
  for (const [pattern, matching, others] of cases) {
    for (const name of matching) t.true(doesMatch(pattern, name), `${pattern} ${name}`)
    for (const name of others) t.false(doesMatch(pattern, name), `${pattern} ${name}`)
  }
  for (const pattern of ['', '[a', '[', '[]', '[a\\', 'a\nb', 'x'.repeat(513)]) {
    t.throws(() => new Glob(pattern), { code: 'usage' }, pattern)
  }
})

/** The same pattern as a regular expression. */
function expressionOf(parts: readonly string[]): RegExp {
  const text = parts.join('')
  const source = text
    .replaceAll('**/', '\0')
    .replaceAll('**', '\x01')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('\0', '(?:.*/)?')
    .replaceAll('\x01', '.*')
  return new RegExp(`^${text.includes('/') ? '' : '(?:.*/)?'}${source}$`, 'su')
}

test('R004-162: a pattern matches the names that its regular expression matches', (t) => {
  // `**` is a whole part here, where it has its own meaning; elsewhere it is any text.
  const part = fc
    .array(fc.constantFrom('a', 'b', '*', '?'), { minLength: 1, maxLength: 4 })
    .map((characters) => characters.join('').replaceAll(/\*+/g, '*'))
  const pattern = fc
    .array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'))
  const name = fc
    .array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 })
    .map((characters) => characters.join(''))
  let matching = 0
  fc.assert(
    fc.property(pattern, fc.array(name, { minLength: 5, maxLength: 20 }), (text, names) => {
      const glob = new Glob(text)
      for (const one of names) {
        const expected = expressionOf([text]).test(one)
        matching += expected ? 1 : 0
        t.is(glob.matches(one), expected, `${text} ${one}`)
        if (expected) t.true(one.startsWith(glob.prefix), `${text} ${one}`)
      }
    }),
    { numRuns: 500 },
  )
  t.true(matching > 500)
})

test('R004-162: the work for a name is bounded by its length times that of the pattern', (t) => {
  const glob = new Glob(`${'*a'.repeat(100)}b`)
  t.false(glob.matches('a'.repeat(512)))
  t.true(glob.steps <= 512 * 202)
  const many = new Glob(`${'**/'.repeat(100)}*${'/**'.repeat(50)}x`)
  t.false(many.matches('a/'.repeat(256)))
  t.true(many.steps <= 512 * 402)
})
