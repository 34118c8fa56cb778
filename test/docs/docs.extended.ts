/** The pages of documentation beside the README do what they say (see `docs.test.ts`). */
import { test } from '../serial.ts'
import { PAGES, SHARING, isRun } from './pages.ts'
import { runPage, runPages } from './run-page.ts'

for (const page of PAGES) {
  // `docs.test.ts` runs the README.
  if (page === 'README.md' || SHARING.includes(page) || !isRun(page)) continue
  test(`${page}: what it says to type prints what it shows`, (t) => runPage(t, page, 'bundle'))
}

test('the pages about tools, after the overview of doors: the same', async (t) => {
  t.is(SHARING[0], 'docs/doors/README.md')
  await runPages(t, SHARING, 'bundle')
})
