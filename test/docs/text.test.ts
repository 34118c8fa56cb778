/** What the text of the documentation must have: links that lead somewhere, and figures. */
import { test } from '../serial.ts'
import { readFileSync, readdirSync } from 'node:fs'
import { posix } from 'node:path'
import { COMMANDS } from '../../cli/commands.ts'
import { commandHelp } from '../../cli/help/help.ts'
import { CACHE_BYTES, CACHE_PERCENT, GIB } from '../../src/limits.ts'
import { PAGES } from './pages.ts'

const REFERENCE = readdirSync('docs/reference').map((name) => `docs/reference/${name}`)
const pages = [...PAGES, ...REFERENCE]

/** A page without its blocks of code, in which `#` begins no heading. */
const textOf = (page: string): string =>
  readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```$/gm, '')

/** The anchors of a page's headings, as code hosts make them, and those that it sets itself. */
function anchorsOf(page: string): Set<string> {
  const text = textOf(page)
  const found = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id!))
  for (const [, heading] of text.matchAll(/^#+ (.*)$/gm)) {
    const plain = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    for (let n = 0; ; n++) {
      const name = n === 0 ? anchor : `${anchor}-${n}`
      if (found.has(name)) continue
      found.add(name)
      break
    }
  }
  return found
}

test('a link to a place of a page leads to a heading of it', (t) => {
  let count = 0
  for (const page of pages) {
    for (const [, path, anchor] of textOf(page).matchAll(/\]\(([^)#:\s]*)#([^)\s]+)\)/g)) {
      const target = path === '' ? page : posix.join(posix.dirname(page), path!)
      if (!target.endsWith('.md')) continue
      t.true(anchorsOf(target).has(anchor!), `${page} links to ${target}#${anchor}`)
      count++
    }
  }
  t.true(count > 50)
})

test('the index leads to every page', (t) => {
  const index = textOf('docs/README.md')
  const linked = [...index.matchAll(/\]\(([^)#:\s]+)/g)].map(([, path]) => `docs/${path}`)
  // The pages about one tool each are listed by the overview of doors.
  const listed = pages.filter((page) => /^docs\/(reference\/)?[^/]+\.md$/.test(page))
  t.deepEqual(
    listed.filter((page) => page !== 'docs/README.md' && !linked.includes(page)),
    [],
  )
  const doors = textOf('docs/doors/README.md')
  for (const page of pages.filter((one) => one.startsWith('docs/doors/'))) {
    if (page !== 'docs/doors/README.md') t.true(doors.includes(`(${posix.basename(page)})`), page)
  }
})

/** Words that claim a speed. */
const CLAIM = /\b(fast(er|est)?|slower|quick(er|ly)?|cheap(er|ly)?|instant(ly)?|milliseconds?)\b/i

/** Text in which such a word claims nothing about dstore. */
const NO_CLAIM: readonly string[] = [
  '## How fast',
  'builds an optional, faster',
  'what moves now, from which machines, how fast',
  '`dstore_cache_evictions_total` grows',
  'a set is not faster than one Global',
]

test('a page that claims a speed links to its figure', (t) => {
  const found: string[] = []
  for (const page of PAGES) {
    for (const paragraph of textOf(page).split(/\n(?:\n|(?=[-|] ))/)) {
      const claims = CLAIM.test(paragraph) && !/bench\//.test(paragraph)
      const line = paragraph.replaceAll('\n', ' ')
      if (claims && !NO_CLAIM.some((text) => line.includes(text))) found.push(`${page}: ${line}`)
    }
  }
  t.deepEqual(found, [])
})

/** How far a figure may be off that of the newest run. */
const TOLERANCE = 1.3

test('a figure that links to a row of the results is about one of that row', (t) => {
  const rows = readFileSync('bench/RESULTS.md', 'utf8').split('\n')
  let count = 0
  for (const page of [...PAGES, 'bench/README.md']) {
    for (const [, text, id] of textOf(page).matchAll(
      /\[([^\]]*\d[^\]]*)\]\([^)]*RESULTS\.md#([^)]+)\)/g,
    )) {
      const row = rows.filter((line) => line.includes(`](#${id!})`)).join('\n')
      const figure = Number(/\d[\d.,]*/.exec(text!)![0].replaceAll(',', ''))
      const found = [...row.matchAll(/\d[\d.,]*/g)].map(([one]) => Number(one.replaceAll(',', '')))
      const isNear = (one: number): boolean =>
        one <= figure * TOLERANCE && one >= figure / TOLERANCE
      t.true(found.some(isNear), `${page}: ${figure}, and the row ${id} of the results is: ${row}`)
      count++
    }
  }
  t.true(count >= 6)
})

test('the help of --cache says what it is by default', (t) => {
  const share = `1/${100 / CACHE_PERCENT}`
  const text = `(default: ${share}, at most ${CACHE_BYTES / GIB}GiB)`
  t.true(commandHelp(COMMANDS['start']!, 'start').includes(text))
})
