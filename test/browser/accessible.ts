/** Every view in both themes: axe-core finds nothing that matters, and nothing overflows. */
import { deepEqual, equal } from 'node:assert/strict'
import { VIEWS, type Bench, type View } from './bench.ts'
import type { Theme } from './chromium.ts'
import { Visit, visiting } from './visit.ts'

const THEMES: readonly Theme[] = ['light', 'dark']
const WIDTHS = [360, 1280] as const

/** Lines of the first plot. */
const LINES = 4

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** What axe-core finds that is more than minor, a line each. */
async function violationsIn(bench: Bench, visit: Visit): Promise<string[]> {
  if ((await visit.page.evaluate('typeof globalThis.axe')) === 'undefined') {
    await visit.page.evaluate(bench.axe)
  }
  const found = (await visit.page.evaluate(
    `axe.run().then(({ violations }) => violations)`,
  )) as Violation[]
  return found
    .filter(({ impact }) => impact !== 'minor')
    .map(({ id, impact, nodes }) => {
      const [first] = nodes
      return `${impact} ${id} (${nodes.length}): ${first?.html}\n${first?.failureSummary ?? ''}`
    })
}

/** Elements that stick out of the page to the right, unless an element around them scrolls. */
const OVERFLOWING = `(() => {
  const width = document.documentElement.clientWidth
  const found = []
  if (document.documentElement.scrollWidth > width) {
    found.push('the page: ' + document.documentElement.scrollWidth + ' > ' + width)
  }
  const scrolls = (element) => {
    for (let at = element.parentElement; at !== null; at = at.parentElement) {
      const isCut = getComputedStyle(at).overflowX !== 'visible' && at.getBoundingClientRect().right <= width + 1
      if (isCut && at !== document.body && at !== document.documentElement) return true
    }
    return false
  }
  for (const element of document.body.querySelectorAll('*')) {
    const { right, width: wide, height } = element.getBoundingClientRect()
    if (wide <= 1 || height <= 1 || right <= width + 1 || scrolls(element)) continue
    found.push(element.tagName + '.' + element.className + ': ' + Math.round(right))
  }
  return found.slice(0, 5)
})()`

export const overflowing = async (visit: Visit): Promise<readonly string[]> =>
  (await visit.page.evaluate(OVERFLOWING)) as string[]

/** What is looked at: the views, and what is within them. */
const ADDRESSES: readonly (readonly [View, string])[] = [
  ...VIEWS.map((view) => [view, ''] as const),
  ['values', '?prefix=accessible%2F'],
  ['values', '/accessible%2Ftag'],
  ['values', '/accessible%2Fnothing'],
  ['removal', '?word=accessible%2Ftag'],
  ['access', '/members'],
  ['access', '/tokens'],
  ['access', '/rules'],
]

export async function testAccessible(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global, locals } = site
  await global.put('shown', '--tag', 'accessible/tag')
  await global.run(['rule', 'set', 'accessible/', '--max-names', '100'])
  const key = await global.put('removed while one machine is stopped')
  // The page is looked at when something is wrong: colours of alarm have to be read, too.
  locals[1]!.signal('SIGSTOP')
  try {
    await global.node.run(['rm', key, '--timeout', '1s'])
    // Side by side: most of it is the browser's work.
    const looks = THEMES.flatMap((theme) => WIDTHS.map((width) => ({ theme, width })))
    await Promise.all(
      looks.map(({ theme, width }) =>
        report.test(`each view is accessible and fits: ${theme}, ${width} px`, async () => {
          const visit = await Visit.begin(browser, { theme, width, height: 740 })
          // axe keeps a busy page from its events for seconds, after which a stream may be cut; the
          // page then asks for another.
          visit.expect(/404/, /ERR_INCOMPLETE_CHUNKED/)
          try {
            await visit.open(await global.open())
            await bench.opened(visit)
            deepEqual(await faultsIn(bench, visit), [])
          } finally {
            await visit.end()
          }
        }),
      ),
    )
    await report.test('R013-65: the lines of a plot differ in forced colours, too', async () => {
      await visiting(browser, await global.open(), async (visit) => {
        await bench.opened(visit)
        await visit.page.emulateMedia({ forcedColors: 'active' })
        const marks = visit.page.locator('.chart').first().locator('.u-series .u-marker')
        await bench.eventually(async (saw) => saw(await marks.count()) > LINES)
        const colours = (await visit.page.evaluate(`
          [...document.querySelector('.chart').querySelectorAll('.u-series .u-marker')]
            .slice(1)
            .map((one) => getComputedStyle(one).borderColor)`)) as string[]
        equal(new Set(colours).size, LINES, colours.join())
      })
    })
  } finally {
    locals[1]!.signal('SIGCONT')
  }
}

/** What is wrong with any address, and with a dialog and the page without a session. */
async function faultsIn(bench: Bench, visit: Visit): Promise<string[]> {
  const found: string[] = []
  const look = async (where: string): Promise<void> => {
    const violations = await violationsIn(bench, visit)
    const wide = await overflowing(visit)
    found.push(...[...violations, ...wide].map((one) => `${where}: ${one}`))
  }
  for (const [view, rest] of ADDRESSES) {
    await bench.show(visit, view, rest)
    await visit.page.getByText('Reading…').first().waitFor({ state: 'hidden' })
    await look(`${view}${rest}`)
  }
  await bench.show(visit, 'removal', '?word=accessible%2Ftag')
  await visit.page.getByRole('button', { name: 'Remove…' }).click()
  await visit.page.getByRole('dialog').waitFor()
  await look('dialog')
  await visit.page.keyboard.press('Escape')
  await visit.page.getByRole('button', { name: 'End session' }).click()
  await bench.refused(visit)
  await look('without a session')
  return found
}
