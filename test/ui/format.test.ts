import * as fc from 'fast-check'
import { safeText, span } from '../../cli/wording.ts'
import {
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../src/daemon/config/quantities.ts'
import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Format {
  readonly formatSize: (bytes: number | undefined) => string
  readonly formatSpan: (ms: number) => string
  readonly formatDuration: (ms: number) => string
  readonly formatCount: (number: number) => string
  readonly formatClock: (at: number, withSeconds: boolean) => string
  readonly formatAgo: (time: string | undefined, now: number) => string
  readonly formatLatency: (ms: number | null | undefined) => string
  readonly parseSize: (text: string) => number | undefined
  readonly parseDuration: (text: string) => number | undefined
  readonly plural: (number: number, noun: string, nouns?: string) => string
  readonly safeText: (text: string) => string
  readonly shorten: (text: string, head?: number, tail?: number) => string
}

const page = await pageModule<Format>('core/format.js')
const amounts = fc.oneof(
  fc.integer({ min: 0, max: 5000 }),
  fc.maxSafeNat(),
  fc.nat(60).map((power) => Math.min(2 ** power, Number.MAX_SAFE_INTEGER)),
)

test('R013-50: the page prints sizes and times as the command line does', (t) => {
  fc.assert(
    fc.property(amounts, (amount) => {
      t.is(page.formatSize(amount), formatSize(amount))
      t.is(page.formatSpan(amount), span(amount))
      t.is(page.formatDuration(amount + 1), formatDuration(amount + 1))
    }),
    { numRuns: 100 },
  )
})

test('R013-50: the page reads sizes and times as the command line does, and refuses the same', (t) => {
  const texts = ['10GiB', '1.5MB', '4096', ' 64MiB', '5m', '24h', '0s', '500ms', '1.5d', '7 d']
  const others = ['', 'x', '-1', '1e3', '10GiBs', '9999999999999999TiB', '3w', '1..5s', '5 M']
  for (const text of [...texts, ...others]) {
    t.is(
      page.parseSize(text),
      whole(() => parseSize(text.trim())),
      `size ${text}`,
    )
    t.is(
      page.parseDuration(text),
      whole(() => parseDuration(text.trim())),
      `time ${text}`,
    )
  }
})

test('counts and times of day read as the language of the page has them', (t) => {
  const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
  for (const number of [0, 7, 999, 1000, 12_345, 999_999, 1_000_000, 123_456_789_012, -1, -1234]) {
    t.is(page.formatCount(number), count.format(number))
  }
  const [short, long] = [
    new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }),
    new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }),
  ]
  for (const at of [0, 1_700_000_000_000, 1_700_043_209_000]) {
    t.is(page.formatClock(at, false), short.format(at))
    t.is(page.formatClock(at, true), long.format(at))
  }
})

function whole(parse: () => number): number | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

test('what is not known is a dash, and times to come are said so', (t) => {
  const now = Date.parse('2026-11-30T10:00:00Z')
  t.is(page.formatSize(undefined), '–')
  t.is(page.formatLatency(null), '–')
  t.is(page.formatAgo(undefined, now), '–')
  t.is(page.formatAgo('no time', now), '–')
  t.is(page.formatAgo('2026-11-30T09:58:30Z', now), '1m 30s ago')
  t.is(page.formatAgo('2026-11-30T10:00:00.500Z', now), 'now')
  t.is(page.formatAgo('2026-12-01T09:00:00Z', now), 'in 23h')
})

test('latencies have three digits, counts a noun, and long keys their ends', (t) => {
  t.deepEqual([0.4234, 12.34, 123.4, 1234].map(page.formatLatency), [
    '0.42ms',
    '12.3ms',
    '123ms',
    '1.2s',
  ])
  t.is(page.plural(1, 'entry', 'entries'), '1 entry')
  t.is(page.plural(2000, 'value'), '2,000 values')
  t.is(page.shorten('bafkr4ihzabcdefghijklmnopqrstuvw'), 'bafkr4ihza…rstuvw')
  t.is(page.shorten('short'), 'short')
})

test('R013-76: text is shown with the same characters escaped as at the prompt', (t) => {
  t.is(page.safeText('a\u202eb\u2028c\nd\u0007'), 'a\\u202eb\\u2028c\\nd\\u0007')
  t.is(page.safeText('caf\u00e9 \u05d0 \u{1f9d1}'), 'caf\u00e9 \u05d0 \u{1f9d1}')
  const unit = fc.oneof(
    fc.constantFrom('\u202e', '\u2028', '\u2029', '\u200f', '\u061c', '\u2066', '\n', '\r', '\t'),
    fc.nat(0x2100).map((code) => String.fromCodePoint(code)),
  )
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      t.is(page.safeText(text), safeText(text))
    }),
    { numRuns: 200 },
  )
})
