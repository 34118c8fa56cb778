/** What each part of the tests is given, and the few things that all do with the page. */
import { eventually } from '../eventually.ts'
import type { Report } from '../doors/clients/report.ts'
import type { Browser } from './chromium.ts'
import type { Site } from './site.ts'
import { MARK } from './tasks.ts'
import type { Visit } from './visit.ts'

/** The views, by the fragment of their addresses. */
export const VIEWS = [
  'overview',
  'machines',
  'values',
  'changes',
  'transfers',
  'removal',
  'access',
] as const

export type View = (typeof VIEWS)[number]

export interface BenchParts {
  readonly browser: Browser
  readonly axe: string
  readonly site: Site
  readonly report: Report
}

export class Bench {
  readonly browser: Browser
  readonly axe: string
  readonly site: Site
  readonly report: Report
  readonly eventually: typeof eventually = eventually

  constructor({ browser, axe, site, report }: BenchParts) {
    this.browser = browser
    this.axe = axe
    this.site = site
    this.report = report
  }

  /** Waits until the page has its session, and shows the node. */
  async opened(visit: Visit): Promise<void> {
    await visit.page.getByRole('heading', { name: 'Overview' }).first().waitFor()
  }

  /** Waits until the page says that it has no session. */
  async refused(visit: Visit): Promise<void> {
    await visit.page.getByText('dstore open').first().waitFor()
  }

  /** The token of the session. */
  async token(visit: Visit): Promise<string> {
    const stored = await visit.page.evaluate('Object.values({ ...sessionStorage })')
    const text = (stored as string[]).join('\n')
    const token = /[\w-]{40,}/.exec(text)?.[0]
    if (token === undefined) throw new Error('the page has no token')
    return token
  }

  /** Shows a view, and waits for its heading. */
  async show(visit: Visit, view: View, rest = ''): Promise<void> {
    await visit.page.evaluate(`void performance.mark('${MARK}${view}')`)
    await visit.go(`#/${view}${rest}`)
    await eventually(async (saw) => {
      const current = await visit.page.evaluate(
        `document.querySelector('nav [aria-current]')?.getAttribute('href') ?? ''`,
      )
      return String(saw(current)).startsWith(`#/${view}`)
    })
  }
}
