/** One visit to the page: a tab of its own, and whatever went wrong in it. */
import { join } from 'node:path'
import type { Browser, Context, Devtools, Page, Theme } from './chromium.ts'

/** How long an action waits for its element: long, as a busy machine is slow. */
const WAIT_MS = 30_000

/** Notes, from the page's first moment: long tasks, violations of the policy, the first view. */
const NOTES = `
  new MutationObserver((_, observer) => {
    const main = document.querySelector('main')
    // "innerText" is what is seen, and has the browser lay out the page: not at each change.
    if (main === null || !/version/.test(main.textContent) || !/version/.test(main.innerText)) return
    observer.disconnect()
    requestAnimationFrame(() => setTimeout(() => (globalThis.firstViewMs = performance.now())))
  }).observe(document, { childList: true, subtree: true })
  globalThis.longTasks = []
  globalThis.violations = []
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      globalThis.longTasks.push({ startTime, duration })
    }
  }).observe({ type: 'longtask', buffered: true })
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    globalThis.violations.push(violatedDirective + ' ' + blockedURI)
  })
`

export interface VisitOptions {
  readonly width?: number
  readonly height?: number
  readonly theme?: Theme
}

export class Visit {
  readonly context: Context
  readonly page: Page
  readonly devtools: Devtools
  /** Errors in the console, uncaught ones, and requests to another origin. */
  readonly faults: string[] = []
  readonly requests: string[] = []
  #origin = ''
  #expected: RegExp[] = []

  private constructor(context: Context, page: Page, devtools: Devtools) {
    this.context = context
    this.page = page
    this.devtools = devtools
  }

  static async begin(
    browser: Browser,
    { width = 1280, height = 800, theme = 'light' }: VisitOptions = {},
  ): Promise<Visit> {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      acceptDownloads: true,
      locale: 'en-GB',
      timezoneId: 'UTC',
    })
    context.setDefaultTimeout(WAIT_MS)
    await context.addInitScript({ content: NOTES })
    const page = await context.newPage()
    const visit = new Visit(context, page, await context.newCDPSession(page))
    visit.#watch()
    return visit
  }

  #watch(): void {
    const { page, faults, requests } = this
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        faults.push(`console: ${message.text()}`)
      }
    })
    page.on('pageerror', (error) => faults.push(`uncaught: ${error.stack ?? error.message}`))
    page.on('popup', (popup) => faults.push(`popup: ${popup.url()}`))
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => {
      const url = request.url()
      requests.push(`${request.method()} ${url}`)
      const isOwn = url.startsWith(`${this.#origin}/`) || /^(blob|data|about):/.test(url)
      if (!isOwn) faults.push(`request to another origin: ${url}`)
    })
  }

  /** Opens a URL of `dstore open`. */
  async open(url: string): Promise<this> {
    this.#origin = new URL(url).origin
    await this.page.goto(url)
    return this
  }

  /** Goes to an address within the page, such as `#/machines`. */
  async go(fragment: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(fragment)}`)
  }

  /** Failures that the test brings about. */
  expect(...patterns: readonly RegExp[]): void {
    this.#expected.push(...patterns)
  }

  /** Whatever the page requests is bound to have gone to this origin. */
  get origin(): string {
    return this.#origin
  }

  /** What a person sees: the beginning of the text. With `DSTORE_PAGE_SHOTS=DIR` also a picture. */
  async told(): Promise<string> {
    const folder = process.env['DSTORE_PAGE_SHOTS']
    if (folder !== undefined) {
      await this.page.screenshot({ path: join(folder, `${Date.now()}.png`), fullPage: true })
    }
    return String(await this.page.evaluate('document.body.innerText.slice(0, 2000)'))
  }

  /** Throws if anything went wrong; ends the visit. */
  async end(): Promise<void> {
    const violations = (await this.page.evaluate('globalThis.violations')) as string[]
    await this.context.close()
    const all = [...this.faults, ...violations.map((one) => `policy: ${one}`)]
    const unexpected = all.filter((fault) => !this.#expected.some((one) => one.test(fault)))
    if (unexpected.length > 0) throw new Error(`the page had faults:\n${unexpected.join('\n')}`)
  }
}

/** Runs `work` in a visit, and ends it; a fault of the page fails it. */
export async function visiting(
  browser: Browser,
  url: string,
  work: (visit: Visit) => Promise<void>,
  options?: VisitOptions,
): Promise<void> {
  const visit = await Visit.begin(browser, options)
  try {
    await visit.open(url)
    await work(visit)
  } catch (error) {
    const shown = await visit.told().catch(String)
    await visit.context.close().catch(() => undefined)
    const { stack } = error as Error
    throw new Error(`${stack}\nit showed:\n${shown}\nfaults:\n${visit.faults.join('\n')}`, {
      cause: error,
    })
  }
  await visit.end()
}
