/** Every view shows what the API says, and follows it without a reload. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { parseKey } from '../../src/hash/key.ts'
import type { Bench } from './bench.ts'
import { LABELS } from './site.ts'
import { Visit, visiting } from './visit.ts'

/** The list of facts in a card, by their labels. */
export const factsIn = async (visit: Visit, card: string): Promise<Record<string, string>> =>
  (await visit.page.evaluate(`(() => {
    const heads = [...document.querySelectorAll('main section.card > h2')]
    const card = heads.find((one) => one.textContent === ${JSON.stringify(card)})?.parentElement
    const lines = [...(card?.querySelectorAll('dl.facts > div') ?? [])]
    return Object.fromEntries(
      lines.map((line) => [line.querySelector('dt').innerText, line.querySelector('dd').innerText]),
    )
  })()`)) as Record<string, string>

/** The number of values, such as of `4 (42B)`. */
const valuesIn = async (visit: Visit): Promise<number> =>
  Number(/^[\d,]+/.exec((await factsIn(visit, 'Store'))['values'] ?? '')?.[0].replaceAll(',', ''))

/** The rows of the table that is shown, each cell's text. */
export const rowsOf = async (visit: Visit): Promise<string[][]> =>
  (await visit.page.evaluate(`[...document.querySelectorAll('main tbody tr')].map((row) =>
    [...row.children].map((cell) => cell.innerText.trim()))`)) as string[][]

/** The text of the view. */
export const mainText = async (visit: Visit): Promise<string> =>
  String(await visit.page.evaluate(`document.querySelector('main').innerText`))

export async function testViews(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global, locals } = site
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`views: ${title}`, run)
  const key = parseKey(await global.put('first', '--name', 'shown/first'))
  await global.put('tagged', '--tag', 'shown/latest')
  await global.put('with an end', '--name', 'shown/ends', '--expires', '30d')
  await global.run(['rule', 'set', 'shown/', '--max-names', '100'])
  await global.run(['token', 'add', '--role', 'reader', '--label', 'scraper'])

  await test('at Global, each shows what the API says', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      const status = await global.node.ask((client) => client.status())
      await bench.eventually(async (saw) => {
        const { version } = saw(await factsIn(visit, 'This node'))
        return version === status.version
      })
      const node = await factsIn(visit, 'This node')
      match(node['role']!, /^Global/)
      ok(Object.values(node).some((text) => text.includes(status.position!.split('.').at(-1)!)))
      await bench.eventually(async (saw) => {
        return saw(await valuesIn(visit)) === status.store!.values
      })

      await bench.show(visit, 'machines')
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === LABELS.length)
      const rows = await rowsOf(visit)
      const machines = rows.map(([name, state]) => [name!.split('\n')[0], state])
      deepEqual(
        Object.fromEntries(machines),
        Object.fromEntries(LABELS.map((label) => [label, 'connected'])),
      )

      await bench.show(visit, 'values', '?prefix=shown%2F')
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === 3)
      const names = await rowsOf(visit)
      deepEqual(
        names.map(([name]) => name!.split('\n')[0]),
        ['ends', 'first', 'latest'],
      )
      match(names[0]!.join(' '), /in 29d|in 30d/)
      match(names[2]!.join(' '), /tag/)

      await bench.show(visit, 'values', '/shown%2Ffirst')
      await bench.eventually(async () => (await mainText(visit)).includes('5B (5 bytes)'))
      ok((await visit.page.content()).includes(key.toString()), 'the whole key is there')

      for (const [section, texts] of [
        ['members', LABELS],
        ['tokens', ['scraper', 'reader']],
        ['rules', ['shown/', '100']],
      ] as const) {
        await bench.show(visit, 'access', `/${section}`)
        for (const text of texts) await visit.page.getByText(text).first().waitFor()
      }
    })
  })

  await test('at a Local as well', async () => {
    const [local] = locals
    const url = await local!.run(['open', '--print'])
    await visiting(browser, url, async (visit) => {
      await bench.opened(visit)
      const status = await local!.node.ask((client) => client.status())
      await bench.eventually(async (saw) => {
        return saw(await factsIn(visit, 'This node'))['role']?.startsWith('Local') === true
      })
      const text = await mainText(visit)
      match(text, /connected/)
      ok(text.includes(status.version))
      for (const view of ['machines', 'values', 'changes', 'transfers', 'removal'] as const) {
        await bench.show(visit, view)
      }
    })
  })

  await test('a put by the command line appears without a reload', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.eventually(async () => (await valuesIn(visit)) > 0)
      const before = await valuesIn(visit)
      await locals[1]!.put('put while it is open', '--name', 'live/overview')
      await bench.eventually(async (saw) => saw(await valuesIn(visit)) === before + 1)

      await bench.show(visit, 'changes')
      await visit.page.getByText('live', { exact: true }).first().waitFor()
      await locals[2]!.put('put while changes are shown', '--name', 'live/changes')
      await bench.eventually(async () => (await mainText(visit)).includes('live/changes'))

      await bench.show(visit, 'values', '?prefix=live%2F')
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === 2)
      await visit.page.evaluate(`document.querySelector('main tbody a').focus()`)
      await locals[0]!.put('put while its level is shown', '--name', 'live/below/name')
      await locals[0]!.put('another put meanwhile', '--name', 'live/values')
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === 4)
      const rows = await rowsOf(visit)
      deepEqual(
        rows.map(([name]) => name!.split('\n')[0]),
        ['below/', 'changes', 'overview', 'values'],
      )
      equal(await visit.page.evaluate('document.activeElement.innerText'), 'changes')
      await visit.page.getByText('1 name').first().waitFor()
    })
  })

  await test('R013-51: back at the values, what was shown is there, and its links lead on', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      const { page } = visit
      await bench.opened(visit)
      const level = (): Promise<void> => page.getByText('shown/').first().waitFor()
      for (const lead of [
        page.getByRole('navigation', { name: 'Path' }).getByText('all names'),
        page.locator('nav.views a[href="#/values"]'),
      ]) {
        await bench.show(visit, 'values', `/${key.toString()}`)
        await page.getByRole('button', { name: 'Download' }).waitFor()
        await bench.show(visit, 'overview')
        await page.locator('nav.views a[href="#/values"]').click()
        await page.getByRole('button', { name: 'Download' }).waitFor()
        await lead.click()
        await level()
        await page.evaluate('history.back()')
        await page.getByRole('button', { name: 'Download' }).waitFor()
      }
    })
  })

  await test('R013-50: ages are right where the clock of the browser is not', async () => {
    const visit = await Visit.begin(browser)
    try {
      const late = 'const right = Date.now; Date.now = () => right() + 7_200_000'
      await visit.context.addInitScript({ content: late })
      await visit.open(await global.open())
      await bench.opened(visit)
      await bench.eventually(async (saw) => {
        return /\bago$/.test(saw(await factsIn(visit, 'This node'))['started'] ?? '')
      })
      const { started } = await factsIn(visit, 'This node')
      ok(!/h/.test(started!), started)
      await bench.show(visit, 'values', '/shown%2Ffirst')
      await visit.page.getByRole('button', { name: 'Download' }).waitFor()
      const { bound } = await factsIn(visit, 'shown/first')
      ok(/ago$|now/.test(bound!) && !/h/.test(bound!), bound)
    } finally {
      await visit.end()
    }
  })

  await test('a search finds names, patterns, keys and their hex digits', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values')
      const find = async (text: string): Promise<void> => {
        const search = visit.page.getByRole('searchbox').first()
        await search.fill(text)
        await search.press('Enter')
      }
      await find('shown/f')
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === 1)
      await find('**/*ends')
      await bench.eventually(async (saw) => {
        return /shown\/ends/.test(saw(await mainText(visit)))
      })
      for (const word of [key.toString(), key.toHex()]) {
        await find(word)
        await bench.eventually(async () => (await mainText(visit)).includes('5B (5 bytes)'))
        await bench.show(visit, 'values', '?find=shown')
      }
    })
  })
}
