/** A bad day: a connection is lost, a session ends, the same is asked for again. */
import { deepEqual, equal } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Bench } from './bench.ts'
import { upload } from './moving.ts'
import { NOT_FOUND } from './site.ts'
import { mainText } from './views.ts'
import { visiting, type Visit } from './visit.ts'

/** Takes the network away from a page, gives it back, or bounds what it sends to a rate. */
const network = (visit: Visit, isThere: boolean, bytesPerSecond = -1): Promise<unknown> =>
  visit.devtools.send('Network.emulateNetworkConditions', {
    offline: !isThere,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  })

const SLOW = 100_000
const LARGE_BYTES = 3_000_000

export async function testMishaps(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global } = site
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`mishaps: ${title}`, run)

  await test('R013-51: what is looked up a second time is asked for again', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      visit.expect(/404/)
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      const field = visit.page.getByLabel('Key or name to remove')
      await field.fill('mishaps/later')
      await field.press('Enter')
      await visit.page.getByText('no such name: mishaps/later').waitFor()
      await global.put('came later', '--name', 'mishaps/later')
      await field.press('Enter')
      await visit.page.getByRole('button', { name: 'Remove…' }).waitFor()

      const other = await global.run(['cid', '-'], 'found later')
      await bench.show(visit, 'values')
      const search = visit.page.getByLabel('Find by key, name or hex digits')
      await search.fill(other)
      await search.press('Enter')
      await visit.page.getByText(`no such key: ${other}`).waitFor()
      await global.put('found later')
      await search.fill(other)
      await search.press('Enter')
      await visit.page.getByRole('button', { name: 'Download' }).waitFor()
    })
  })

  await test('R013-55: what could not be read is read once there is a connection again', async () => {
    const key = await global.put('read later', '--name', 'mishaps/read')
    await visiting(browser, await global.open(), async (visit) => {
      visit.expect(/ERR_INTERNET_DISCONNECTED/)
      await visit.devtools.send('Network.enable')
      await bench.opened(visit)
      for (const [view, rest, text] of [
        ['values', `/${key}`, /Who has it/],
        ['values', '?prefix=mishaps%2F', /read/],
        ['access', '/members', /amsterdam/],
        ['removal', '?word=mishaps%2Fread', /Remove…/],
      ] as const) {
        await bench.show(visit, 'overview')
        await network(visit, false)
        await bench.show(visit, view, rest)
        await visit.page.getByText('the daemon does not answer').first().waitFor()
        await network(visit, true)
        await bench.eventually(async (saw) => text.test(saw(await mainText(visit))))
        equal(await visit.page.getByText('the daemon does not answer').count(), 0)
      }
    })
  })

  await test('R013-55: so it is for a caller that is confined to a prefix, and sees no events', async () => {
    const added = await global.run(['token', 'add', '--role', 'writer', '--prefix', 'mishaps/'])
    const { origin } = new URL(await global.open())
    const response = await fetch(`${origin}/v1/session/codes`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${added}`, 'Content-Type': 'application/json' },
      body: '{}',
    })
    const { code } = (await response.json()) as { readonly code: string }
    await visiting(browser, `${origin}/ui/#code=${code}`, async (visit) => {
      visit.expect(/ERR_INTERNET_DISCONNECTED/)
      await visit.devtools.send('Network.enable')
      await visit.page.getByRole('button', { name: 'Upload files' }).waitFor()
      await network(visit, false)
      await visit.go('#/values?prefix=mishaps%2F')
      await visit.page.getByText('the daemon does not answer').waitFor()
      await network(visit, true)
      await bench.eventually(async (saw) => /fixed/.test(saw(await mainText(visit))))
    })
  })

  await test('R013-62: a session that ends tells of the uploads that it cancelled', async () => {
    const paths = Array.from({ length: 5 }, (_, i) => global.place.file(`unfinished-${i}`))
    for (const path of paths) writeFileSync(path, randomBytes(LARGE_BYTES))
    await visiting(browser, await global.open(), async (visit) => {
      visit.expect(/401|ERR_/)
      await visit.devtools.send('Network.enable')
      await bench.opened(visit)
      await bench.show(visit, 'values')
      await network(visit, true, SLOW)
      await upload(visit, 'Files to upload', paths, 'mishaps/unfinished/')
      const moving = visit.page
        .getByRole('region', { name: 'Uploads and downloads' })
        .locator('li')
        .filter({ hasText: / of / })
      await moving.first().waitFor()
      const before = visit.requests.length
      await visit.page.evaluate(`fetch('/v1/session', {
        method: 'DELETE',
        headers: { Authorization: 'Bearer ' + Object.values({ ...sessionStorage })[0] },
      }).then(() => undefined)`)
      await visit.page.getByText('5 uploads and downloads had not ended.').waitFor()
      await bench.refused(visit)
      const begun = visit.requests.slice(before).filter((one) => one.startsWith('PUT'))
      deepEqual(begun, [], 'none of those that waited begins')
    })
    const { exit } = await global.node.run(['get', 'mishaps/unfinished/unfinished-0'])
    equal(exit, NOT_FOUND)
  })

  await test('the command for a name that looks like a flag gets that name', async () => {
    await global.put('no flag', '--name=-rf')
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await visit.page.evaluate(`navigator.clipboard.writeText = (text) => {
        globalThis.copied = text
        return Promise.resolve()
      }`)
      await bench.show(visit, 'values', '/-rf')
      await visit.page.getByRole('button', { name: 'Copy the command' }).click()
      const command = String(await visit.page.evaluate('globalThis.copied'))
      equal(command, 'dstore get -- -rf')
      equal(await global.run(command.split(' ').slice(1)), 'no flag')
    })
  })
}
