/** What the page says of faults: no room, a damaged value, a Local that was expelled. */
import { equal, ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { ANSWERED_PICKER, upload } from './moving.ts'
import { Ends, joined, Machine } from './site.ts'
import { Visit, visiting } from './visit.ts'

/** Room of the store, and a value that is larger than it. */
const ROOM = '4MiB'
const TOO_MUCH = 5_000_000

/** Larger than what the store keeps among its records: a file of its own. */
const LARGE = 300_000

export async function testFaults(bench: Bench): Promise<void> {
  const { report, browser } = bench
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`faults: ${title}`, run)
  const ends = new Ends()
  try {
    const own = await Machine.start(ends, ['--global', '--max-size', ROOM])

    await test('a put without room says how much is left, and nothing stays', async () => {
      const path = own.place.file('large.bin')
      writeFileSync(path, randomBytes(TOO_MUCH))
      await visiting(browser, await own.open(), async (visit) => {
        visit.expect(/507/)
        await bench.opened(visit)
        await bench.show(visit, 'values')
        await upload(visit, 'Files to upload', [path], 'faults/large')
        const line = visit.page
          .getByRole('region', { name: 'Uploads and downloads' })
          .locator('li')
          .filter({ hasText: 'faults/large' })
        await line.filter({ hasText: /failed/ }).waitFor()
        await line.filter({ hasText: /bytes do not fit: \d+ bytes are left/ }).waitFor()
      })
      equal((await own.node.ask((client) => client.status())).store!.values, 0)
    })

    await test('a damaged value is told first, and its download does not look whole', async () => {
      const key = await own.put(randomBytes(LARGE), '--name', 'faults/damaged')
      await own.node.stop()
      damage(join(own.place.state, 'store-v3', 'values'))
      await own.restart()
      const visit = await Visit.begin(browser)
      try {
        visit.expect(/50\d|ERR_/)
        await visit.context.addInitScript({ content: ANSWERED_PICKER })
        await visit.open(await own.open())
        await bench.opened(visit)
        await bench.show(visit, 'values', `/${key}`)
        await visit.page.getByRole('button', { name: 'Download' }).click()
        await visit.page
          .getByRole('region', { name: 'Uploads and downloads' })
          .locator('li')
          .filter({ hasText: /failed/ })
          .waitFor()
        const whole = await visit.page.evaluate(`(async () => {
          const folder = await navigator.storage.getDirectory()
          for await (const [name, handle] of folder) {
            if ((await handle.getFile()).size === ${LARGE}) return name
          }
          return ''
        })()`)
        equal(whole, '')
        await bench.show(visit, 'overview')
        const first = visit.page.locator('.attention li').first()
        await first.filter({ hasText: '1 value damaged' }).waitFor()
        ok((await first.innerText()).includes('dstore verify --repair'))
      } finally {
        await visit.end()
      }
    })

    await test('a Local that was expelled says so, and what to do', async () => {
      const local = await joined(ends, own, 'expelled')
      await visiting(browser, await local.open(), async (visit) => {
        await bench.opened(visit)
        await visit.page.getByText('Nothing needs attention.').waitFor()
        await own.run(['members', 'rm', 'expelled'])
        const first = visit.page.locator('.attention li.bad').first()
        await first.filter({ hasText: /Global is away: .*member/ }).waitFor()
        ok((await first.innerText()).includes('dstore'))
      })
    })
  } finally {
    await ends.end()
  }
}

/** Changes one byte of the only value that has a file. */
function damage(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).byteLength >= LARGE)
  equal(files.length, 1)
  const bytes = readFileSync(files[0]!)
  bytes[LARGE >> 1]! ^= 1
  writeFileSync(files[0]!, bytes)
}
