/**
 * The page in a real browser, over real daemons: `npm run test:browser`, or with names for some
 * parts only. Without a browser it is skipped with one line.
 */
import { Report } from '../doors/clients/report.ts'
import { Bench } from './bench.ts'
import { startBrowser } from './chromium.ts'
import { startSite } from './site.ts'

/** The tests of each part. */
const PARTS: Readonly<Record<string, () => Promise<(bench: Bench) => Promise<void>>>> = {
  'first-view': async () => (await import('./first-view.ts')).testFirstView,
  views: async () => (await import('./views.ts')).testViews,
  moving: async () => (await import('./moving.ts')).testMoving,
  removal: async () => (await import('./removal.ts')).testRemoval,
  faults: async () => (await import('./faults.ts')).testFaults,
  mishaps: async () => (await import('./mishaps.ts')).testMishaps,
  keyboard: async () => (await import('./keyboard.ts')).testKeyboard,
  strange: async () => (await import('./strange.ts')).testStrange,
  sessions: async () => (await import('./sessions.ts')).testSessions,
  ends: async () => (await import('./sessions.ts')).testEnds,
  accessible: async () => (await import('./accessible.ts')).testAccessible,
  hostile: async () => (await import('./hostile.ts')).testHostile,
  images: async () => (await import('./images.ts')).testImages,
  big: async () => (await import('./big.ts')).testBig,
}

/** Parts with daemons of their own, which mostly wait: they run beside the others. */
const APART: ReadonlySet<string> = new Set(['faults', 'ends'])

/** Parts that measure, and have the machine to themselves. */
const ALONE: ReadonlySet<string> = new Set(['first-view', 'big'])

const wanted = process.argv.slice(2)
const report = new Report('page')
const tools = await startBrowser()
if ('missing' in tools) {
  report.skipped('page', tools.missing)
} else {
  const { browser, axe } = tools
  try {
    const site = await startSite()
    const bench = new Bench({ browser, axe, site, report })
    try {
      const chosen = Object.keys(PARTS).filter(
        (name) => wanted.length === 0 || wanted.includes(name),
      )
      const inTurn = async (names: readonly string[]): Promise<void> => {
        for (const name of names) {
          // What a part sets up may fail as well.
          await report.test(`the part ${name}`, async () => (await PARTS[name]!())(bench))
        }
      }
      await inTurn(chosen.filter((name) => ALONE.has(name)))
      await Promise.all([
        inTurn(chosen.filter((name) => APART.has(name))),
        inTurn(chosen.filter((name) => !APART.has(name) && !ALONE.has(name))),
      ])
    } finally {
      await site.ends.end()
    }
  } finally {
    await browser.close()
  }
}
if (report.failed > 0) {
  process.stdout.write(`\n${report.failed} tests failed\n`)
  process.exitCode = 1
}
