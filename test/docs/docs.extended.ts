/** The pages of documentation beside the README do what they say (see `docs.test.ts`). */
import { test } from '../serial.ts'
import { ALONE, PAGES, isRun } from './pages.ts'
import { runPage, runPages } from './run-page.ts'

for (const page of ALONE.filter((one) => one !== 'README.md')) {
  test(`${page}: what it says to type prints what it shows`, (t) => runPage(t, page, 'bundle'))
}

test('what the other pages say to type prints what they show', async (t) => {
  await runPages(
    t,
    PAGES.filter(isRun).filter((page) => !ALONE.includes(page)),
    'bundle',
  )
})
