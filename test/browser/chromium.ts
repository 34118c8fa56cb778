/** The browser of this machine, and what its tests need from npm: what they use of it, typed. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

/** Where its packages are, with a lock file. */
const FOLDER = resolve('test/browser')

/** Debian's, Alpine's and Google's; `DSTORE_CHROMIUM` names another. */
const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** An element of a page, found anew by each action. */
export interface Locator {
  click(options?: { readonly timeout?: number }): Promise<void>
  count(): Promise<number>
  fill(text: string): Promise<void>
  first(): Locator
  nth(index: number): Locator
  focus(): Promise<void>
  getAttribute(name: string): Promise<string | null>
  getByRole(role: string, options?: ByRole): Locator
  getByText(text: string | RegExp, options?: { readonly exact?: boolean }): Locator
  getByLabel(text: string | RegExp, options?: { readonly exact?: boolean }): Locator
  filter(options: { readonly hasText?: string | RegExp; readonly visible?: boolean }): Locator
  locator(selector: string): Locator
  innerText(): Promise<string>
  inputValue(): Promise<string>
  isVisible(): Promise<boolean>
  isEnabled(): Promise<boolean>
  press(key: string): Promise<void>
  selectOption(value: string): Promise<unknown>
  setInputFiles(paths: string | readonly string[]): Promise<void>
  textContent(): Promise<string | null>
  allInnerTexts(): Promise<string[]>
  waitFor(options?: { readonly state?: string; readonly timeout?: number }): Promise<void>
}

interface ByRole {
  readonly name?: string | RegExp
  readonly exact?: boolean
}

/** A file that the page had the browser save. */
export interface Download {
  suggestedFilename(): string
  saveAs(path: string): Promise<void>
  failure(): Promise<string | null>
}

/** A request of a page. */
export interface PageRequest {
  url(): string
  method(): string
  headers(): Readonly<Record<string, string>>
  failure(): { readonly errorText: string } | null
}

/** An answer to a page. */
export interface PageResponse {
  url(): string
  status(): number
  headers(): Readonly<Record<string, string>>
  request(): PageRequest
}

interface PageEvents {
  console: { type(): string; text(): string }
  pageerror: Error
  request: PageRequest
  response: PageResponse
  requestfailed: PageRequest
  dialog: { message(): string; dismiss(): Promise<void> }
  download: Download
  popup: Page
}

/** A page, in a tab of its own. */
export interface Page extends Pick<
  Locator,
  'getByRole' | 'getByText' | 'getByLabel' | 'locator' | 'click' | 'fill'
> {
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> }
  close(): Promise<void>
  content(): Promise<string>
  emulateMedia(media: {
    readonly colorScheme?: Theme
    readonly forcedColors?: 'active' | 'none'
  }): Promise<void>
  /** Runs text in the page, past its content security policy. */
  evaluate(expression: string): Promise<unknown>
  frames(): readonly { url(): string; evaluate(expression: string): Promise<unknown> }[]
  goto(url: string, options?: { readonly waitUntil?: string }): Promise<PageResponse | null>
  on<Event extends keyof PageEvents>(event: Event, on: (what: PageEvents[Event]) => void): void
  reload(): Promise<unknown>
  screenshot(options: { readonly path: string; readonly fullPage?: boolean }): Promise<Buffer>
  setViewportSize(size: { readonly width: number; readonly height: number }): Promise<void>
  title(): Promise<string>
  url(): string
  waitForEvent<Event extends keyof PageEvents>(event: Event): Promise<PageEvents[Event]>
}

export type Theme = 'light' | 'dark'

/** A session of Chromium's debugging protocol with a page. */
export interface Devtools {
  send(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>
  on(event: string, on: (parameters: Readonly<Record<string, unknown>>) => void): void
}

/** Pages that share storage, apart from those of other contexts. */
export interface Context {
  addInitScript(script: { readonly content: string }): Promise<unknown>
  close(): Promise<void>
  newCDPSession(page: Page): Promise<Devtools>
  newPage(): Promise<Page>
  setDefaultTimeout(ms: number): void
}

export interface Browser {
  close(): Promise<void>
  newBrowserCDPSession(): Promise<Devtools>
  newContext(options: ContextOptions): Promise<Context>
  version(): string
}

interface ContextOptions {
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly colorScheme?: Theme
  readonly acceptDownloads?: boolean
  readonly locale?: string
  readonly timezoneId?: string
  readonly permissions?: readonly string[]
  readonly reducedMotion?: 'reduce'
}

interface Playwright {
  readonly chromium: {
    launch(options: {
      readonly executablePath: string
      readonly args: readonly string[]
    }): Promise<Browser>
  }
}

/** What runs the tests. */
export interface Tools {
  readonly browser: Browser
  /** The source of axe-core, to run in a page. */
  readonly axe: string
}

/** Starts the browser; says what is missing instead. */
export async function startBrowser(): Promise<Tools | { readonly missing: string }> {
  const path = [process.env['DSTORE_CHROMIUM'] ?? '', ...PATHS].find((one) => existsSync(one))
  if (path === undefined) return { missing: 'no browser is installed: apt-get install chromium' }
  const load: (name: string) => unknown = createRequire(resolve(FOLDER, 'package.json'))
  if (!PACKAGES.every((name) => existsSync(resolve(FOLDER, 'node_modules', name)))) {
    return { missing: 'npm ci --ignore-scripts --prefix test/browser' }
  }
  const [{ chromium }, { source }] = PACKAGES.map(load) as [Playwright, { readonly source: string }]
  // Chromium's sandbox does not run as root; the pages are ours.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: path, args: [...args, ...FLAGS] })
  return { browser, axe: source }
}

const PACKAGES = ['playwright-core', 'axe-core']

/** A name that some page had resolve to this machine. */
export const REBOUND = 'rebound.test'

/** No shared memory of a size that containers lack. */
const FLAGS = ['--disable-dev-shm-usage', `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`]
