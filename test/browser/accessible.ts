/** Every view in both themes: axe-core finds nothing serious, and nothing overflows. */
import { deepEqual } from 'node:assert/strict'
import { VIEWS, type Bench } from './bench.ts'
import type { Theme } from './chromium.ts'
import { visiting, type Visit } from './visit.ts'

const THEMES: readonly Theme[] = ['light', 'dark']
const WIDTHS = [360, 1280] as const

interface Violation {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

/** What axe-core finds that is serious or critical, a line each. */
async function seriousIn(bench: Bench, visit: Visit): Promise<string[]> {
  if ((await visit.page.evaluate('typeof globalThis.axe')) === 'undefined') {
    await visit.page.evaluate(bench.axe)
  }
  const found = (await visit.page.evaluate(
    `axe.run().then(({ violations }) => violations)`,
  )) as Violation[]
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
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

export async function testAccessible(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      await report.test(`each view is accessible and fits: ${theme}, ${width} px`, async () => {
        const options = { theme, width, height: width === 360 ? 740 : 800 }
        const url = await site.global.open()
        const run = async (visit: Visit): Promise<void> => {
          await bench.opened(visit)
          const found: string[] = []
          for (const view of VIEWS) {
            await bench.show(visit, view)
            const serious = await seriousIn(bench, visit)
            const wide = await overflowing(visit)
            found.push(...[...serious, ...wide].map((one) => `${view}: ${one}`))
          }
          deepEqual(found, [])
        }
        await visiting(browser, url, run, options)
      })
    }
  }
}
