import { test } from '../serial.ts'
import {
  HOUSE_HEADING,
  HOUSE_PAGE,
  PURPOSES,
  codeLines,
  houseTable,
  houseTotal,
  isGenerated,
  sourcesByFolder,
} from '../../tools/house.ts'
import { sectionUnder, tableUnder } from '../../tools/tables.ts'
import { read, sourceOf } from './tree.ts'

const page = read(HOUSE_PAGE)
const folders = sourcesByFolder()
const paths = [...folders.values()].flat()

test('the table of folders matches the tree, row by row', (t) => {
  t.deepEqual(tableUnder(page, HOUSE_HEADING), houseTable(), 'npm run house rewrites it')
})

test('the total below the table matches the tree', (t) => {
  t.true(sectionUnder(page, HOUSE_HEADING).includes(`\n${houseTotal()}\n`), houseTotal())
})

test('every folder has a purpose, and every purpose a folder', (t) => {
  t.deepEqual(Object.keys(PURPOSES).toSorted(), [...folders.keys()].toSorted())
})

test('no folder has more than 16 source files', (t) => {
  for (const [folder, files] of folders) t.true(files.length <= 16, `${folder}: ${files.length}`)
})

test('a file has one job, and at most 350 lines', (t) => {
  const ours = paths.filter((path) => !isGenerated(path))
  const long = ours.map(sourceOf).filter(({ lines }) => lines > 350)
  t.deepEqual(
    long.map(({ path, lines }) => `${path}: ${lines} lines`),
    [],
  )
})

test('no imports form a circle, types included', (t) => {
  const imports = new Map(
    paths.map((path) => [
      path,
      sourceOf(path)
        .imports.filter(({ own }) => own)
        .map(({ to }) => to),
    ]),
  )
  t.deepEqual(circlesOf(imports), [])
})

test('a circle of imports is found, once', (t) => {
  const imports = { a: ['b', 'd'], b: ['c'], c: ['a'], d: ['d', 'c'], e: ['a'] }
  t.deepEqual(circlesOf(new Map(Object.entries(imports))), [['a', 'b', 'c'], ['d']])
  t.deepEqual(circlesOf(new Map(Object.entries({ a: ['b', 'c'], b: ['c'], c: [] }))), [])
})

test('lines of code are those with more than comments and spaces', (t) => {
  const source = `/**
 * A comment.
 */
import a from 'a' // another

const b = \`/* text
\`
/* before */ export { b }
`
  t.is(codeLines(source), 4)
})

/** Walks imports depth first; a file that is met again on the way to itself closes a circle. */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const walk = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path)
    if (start >= 0) circles.push(way.slice(start))
    if (start >= 0 || done.has(path)) return
    for (const to of imports.get(path) ?? []) walk(to, [...way, path])
    done.add(path)
  }
  for (const path of imports.keys()) walk(path, [])
  return circles
}
