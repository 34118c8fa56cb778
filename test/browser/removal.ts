/** A removal, watched until each machine has acknowledged it. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Bench } from './bench.ts'
import { LABELS, NOT_FOUND } from './site.ts'
import { mainText } from './views.ts'
import { visiting, type Visit } from './visit.ts'

/** The machines of the newest removal that is shown, each with what it says. */
const tilesOf = async (visit: Visit, heading: string): Promise<Record<string, string>> =>
  (await visit.page.evaluate(`(() => {
    const sections = [...document.querySelectorAll('main section.removal')]
    const section = sections.find((one) =>
      one.querySelector('h2')?.textContent === ${JSON.stringify(heading)} && one.querySelector('.tile'))
    return Object.fromEntries([...(section?.querySelectorAll('.tile') ?? [])].map((tile) =>
      [tile.querySelector('span').textContent, tile.className.replace('tile ', '')]))
  })()`)) as Record<string, string>

/** Looks a word up in the view, and confirms its removal as the dialog asks. */
export async function removeByPage(visit: Visit, word: string, typed: string): Promise<void> {
  const { page } = visit
  await page.getByLabel('Key or name to remove').fill(word)
  await page.getByRole('button', { name: 'Look up' }).click()
  await page.getByRole('button', { name: 'Remove…' }).click()
  const dialog = page.getByRole('dialog')
  const act = dialog.getByRole('button', { name: 'Remove', exact: true })
  equal(await act.isEnabled(), false, 'nothing is removed before it is confirmed')
  await dialog.getByLabel(/^Type the/).fill(typed.slice(0, -1))
  equal(await act.isEnabled(), false, 'a name that is not the same does not confirm')
  await dialog.getByLabel(/^Type the/).fill(typed)
  await act.click()
}

export async function testRemoval(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global, locals } = site
  const berlin = locals[LABELS.indexOf('berlin')]!
  const others = LABELS.filter((label) => label !== 'berlin')
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`removal: ${title}`, run)
  const all = (is: string): Record<string, string> =>
    Object.fromEntries(LABELS.map((label) => [label, is]))

  await test('a machine that is stopped owes it until it resumes', async () => {
    const key = await global.put('to be removed', '--name', 'removed/owed')
    for (const local of locals) await local.run(['prefetch', 'removed/owed'])
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      berlin.signal('SIGSTOP')
      try {
        await removeByPage(visit, 'removed/owed', 'removed/owed')
        await bench.eventually(async (saw) => {
          const tiles = saw(await tilesOf(visit, 'removed/owed'))
          return tiles['berlin'] === 'owes' && others.every((label) => tiles[label] === 'done')
        })
        await visit.page
          .getByText(/^1 of 3 machines owes its/)
          .first()
          .waitFor()
        const colour = await visit.page.evaluate(
          `getComputedStyle(document.querySelector('.tile.owes')).color`,
        )
        const [red = 0, green = 0, blue = 0] = String(colour).match(/\d+/g)!.map(Number)
        ok(red > green + 40 && red > blue + 40, `it is red: ${String(colour)}`)
        // The machine is seen to owe in its own view as well.
        await bench.show(visit, 'machines')
        await visit.page.getByText('1 removal').first().waitFor()
        await bench.show(visit, 'removal')
      } finally {
        berlin.signal('SIGCONT')
      }
      await bench.eventually(async (saw) => {
        const tiles = saw(await tilesOf(visit, 'removed/owed'))
        return isDeepStrictEqual(tiles, all('done'))
      })
      await visit.page.getByText('All 3 machines have acknowledged').first().waitFor()
    })
    for (const machine of [global, ...locals]) {
      equal((await machine.node.run(['get', key])).exit, NOT_FOUND)
    }
  })

  await test('one by key, begun by the command line, is seen as well', async () => {
    const key = await global.put('removed by key')
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      await locals[0]!.run(['rm', key])
      await bench.eventually(async (saw) => {
        const text = saw(await mainText(visit))
        return text.includes(key.slice(-4)) && text.includes('All 3 machines have acknowledged')
      })
    })
  })

  await test('a directory goes with the files that nothing else holds', async () => {
    const folder = global.place.file('removed-tree')
    mkdirSync(join(folder, 'sub'), { recursive: true })
    for (let i = 0; i < 30; i++) writeFileSync(join(folder, 'sub', `n${i}`), `removed file ${i}`)
    const kept = await global.put('removed file 7', '--name', 'removed/kept')
    await global.run(['put', folder, '--name', 'removed/tree'])
    const gone = await global.run(['cid', join(folder, 'sub', 'n8')])
    equal((await global.node.run(['get', gone])).exit, 0)
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      await visit.page.getByLabel('Key or name to remove').fill('removed/tree')
      await visit.page.getByRole('button', { name: 'Look up' }).click()
      await visit.page.getByText(/^A directory: .* in 30 files/).waitFor()
      await removeByPage(visit, 'removed/tree', 'removed/tree')
      await bench.eventually(async () => (await global.node.run(['get', gone])).exit === NOT_FOUND)
      await visit.page.getByText('All 3 machines have acknowledged').first().waitFor()
    })
    equal((await global.node.run(['get', kept])).exit, 0)
  })

  await test('a key is removed after its last characters are typed, and a wrong one is refused', async () => {
    const key = await global.put('removed by its key')
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'removal')
      await removeByPage(visit, key, key.slice(-8))
      await bench.eventually(async () => (await global.node.run(['get', key])).exit === NOT_FOUND)
      visit.expect(/404/)
      await visit.page.getByLabel('Key or name to remove').fill('removed/never-bound')
      await visit.page.getByRole('button', { name: 'Look up' }).click()
      await visit.page.getByRole('alert').first().waitFor()
      deepEqual(await visit.page.getByRole('button', { name: 'Remove…' }).count(), 0)
    })
  })
}
