/** The pictures of the documentation: `DSTORE_PAGE_IMAGES=1` has the run write them. */
import { ok } from 'node:assert/strict'
import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Bench } from './bench.ts'
import { startSimulated } from './simulated.ts'
import { Visit } from './visit.ts'

const FOLDER = resolve('docs/images')
const MOST_BYTES = 100_000
const WIDE = { width: 1200, height: 700 } as const
const SMALL = { width: 1000, height: 520 } as const

export async function testImages(bench: Bench): Promise<void> {
  if (process.env['DSTORE_PAGE_IMAGES'] === undefined) return
  const { site, report, browser } = bench
  const { global, locals } = site
  mkdirSync(FOLDER, { recursive: true })
  const picture = async (visit: Visit, name: string): Promise<void> => {
    const path = join(FOLDER, name)
    await visit.page.screenshot({ path })
    ok(statSync(path).size < MOST_BYTES, `${name} has ${statSync(path).size} bytes`)
  }

  await report.test('images: the overview, after ten minutes', async () => {
    const simulated = await startSimulated()
    const visit = await Visit.begin(browser, WIDE)
    try {
      await visit.open(simulated.url)
      await bench.opened(visit)
      await visit.page.locator('.plot canvas').first().waitFor()
      await picture(visit, 'page-overview.png')
    } finally {
      await visit.end()
      await simulated.close()
    }
  })

  await report.test('images: a removal that one machine owes', async () => {
    const visit = await Visit.begin(browser, SMALL)
    await global.put('weights', '--name', 'models/vision/v1')
    for (const local of locals) await local.run(['prefetch', 'models/vision/v1'])
    locals[1]!.signal('SIGSTOP')
    try {
      await visit.open(await global.open())
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      await global.node.run(['rm', 'models/vision/v1', '--timeout', '1s'])
      await visit.page.locator('.tile.owes').first().waitFor()
      await picture(visit, 'page-removal.png')
    } finally {
      locals[1]!.signal('SIGCONT')
      await visit.end()
    }
  })
}
