/** The page by keyboard alone. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Bench } from './bench.ts'
import { upload } from './moving.ts'
import { NOT_FOUND } from './site.ts'
import { visiting, type Visit } from './visit.ts'

/** The name of what has the focus. */
const focused = async (visit: Visit): Promise<string> =>
  String(
    await visit.page.evaluate(`(() => {
      const at = document.activeElement
      const label = at?.id === '' || at === null ? null : document.querySelector('label[for="' + at.id + '"]')
      return at?.getAttribute('aria-label') ?? label?.innerText ?? at?.innerText ?? ''
    })()`),
  )

const focusedTag = (visit: Visit): Promise<unknown> =>
  visit.page.evaluate('document.activeElement.tagName')

const SLOW = 100_000
const LARGE_BYTES = 3_000_000

/** Presses Tab until something with this name has the focus. */
async function tabTo(visit: Visit, name: RegExp): Promise<void> {
  const seen: string[] = []
  for (let i = 0; i < 80; i++) {
    await visit.page.keyboard.press('Tab')
    const at = await focused(visit)
    if (name.test(at)) {
      ok(await isMarked(visit), `the focus is seen at ${at}`)
      return
    }
    seen.push(at.split('\n')[0]!)
  }
  throw new Error(`no Tab leads to ${String(name)}: ${seen.join(', ')}`)
}

/** Whether the focus is drawn. */
const isMarked = async (visit: Visit): Promise<boolean> =>
  Boolean(
    await visit.page.evaluate(`(() => {
      const style = getComputedStyle(document.activeElement)
      return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'
    })()`),
  )

export async function testKeyboard(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global } = site

  await report.test('keyboard: open, search, remove', async () => {
    await global.put('removed by keyboard', '--name', 'keyboard/gone')
    await visiting(browser, await global.open(), async (visit) => {
      const { keyboard } = visit.page
      await bench.opened(visit)
      await keyboard.press('Tab')
      equal(await focused(visit), 'Skip to the content')
      await keyboard.press('Enter')
      equal(await visit.page.evaluate('document.activeElement.tagName'), 'MAIN')
      await visit.page.evaluate('document.activeElement.blur()')

      await tabTo(visit, /^Values/)
      await keyboard.press('Enter')
      await visit.page.getByRole('heading', { name: 'Values' }).first().waitFor()
      // The view that came has the focus, so that it is read.
      equal(await focused(visit), 'Values')
      await tabTo(visit, /Find by key/)
      await keyboard.type('keyboard/')
      await keyboard.press('Enter')
      await visit.page.getByText('gone').first().waitFor()
      await tabTo(visit, /gone/)
      await keyboard.press('Enter')
      await visit.page.getByRole('button', { name: 'Download' }).waitFor()
      await tabTo(visit, /^Remove…/)
      await keyboard.press('Enter')
      await visit.page.getByRole('heading', { name: 'Removal' }).first().waitFor()
      await tabTo(visit, /^Remove…/)
      await keyboard.press('Enter')
      await visit.page.getByRole('dialog').waitFor()
      // Escape leaves without a trace, and the focus is back where it was.
      await keyboard.press('Escape')
      equal(await visit.page.getByRole('dialog').count(), 0)
      ok((await focused(visit)).startsWith('Remove…'))
      await keyboard.press('Enter')
      await tabTo(visit, /^Type the name/)
      await keyboard.type('keyboard/gone')
      await keyboard.press('Enter')
      await visit.page
        .getByText(/have acknowledged/)
        .first()
        .waitFor()
      deepEqual((await global.node.run(['get', 'keyboard/gone'])).exit, NOT_FOUND)
    })
  })

  await report.test('R013-65: the focus stays near what it was on', async () => {
    const path = global.place.file('by-keyboard.bin')
    writeFileSync(path, randomBytes(LARGE_BYTES))
    await global.run(['rule', 'set', 'keyboard/', '--max-names', '100'])
    await visiting(browser, await global.open(), async (visit) => {
      const { keyboard } = visit.page
      await visit.devtools.send('Network.enable')
      await bench.opened(visit)
      await bench.show(visit, 'values')
      await visit.devtools.send('Network.emulateNetworkConditions', {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: SLOW,
      })
      await upload(visit, 'Files to upload', [path], 'keyboard/large')
      await tabTo(visit, /^Cancel keyboard/)
      await keyboard.press('Enter')
      await bench.eventually(async (saw) => saw(await focused(visit)) === 'Dismiss keyboard/large')
      await keyboard.press('Enter')
      // With the last line goes the place of all: the view has the focus.
      await bench.eventually(async (saw) => saw(await focusedTag(visit)) === 'H1')

      await bench.show(visit, 'access', '/rules')
      await tabTo(visit, /^Change the rule of keyboard/)
      await keyboard.press('Enter')
      await visit.page.getByRole('dialog').waitFor()
      await tabTo(visit, /^Names at most/)
      await keyboard.press('Control+A')
      await keyboard.type('99')
      await keyboard.press('Enter')
      await visit.page.getByText('at most 99 names').waitFor()
      await bench.eventually(async (saw) =>
        saw(await focused(visit)).startsWith('Change the rule of keyboard'),
      )
      await tabTo(visit, /^Remove the rule of keyboard/)
      await keyboard.press('Enter')
      await visit.page.getByRole('dialog').waitFor()
      await tabTo(visit, /^Remove$/)
      await keyboard.press('Enter')
      await bench.eventually(async (saw) => saw(await focused(visit)) === 'Rules')
    })
  })

  await report.test('R013-65: what a dialog has done is said within it', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await visit.page.evaluate(`navigator.clipboard.writeText = () => Promise.resolve()`)
      await bench.show(visit, 'access', '/members')
      await visit.page.getByRole('button', { name: 'Invite…' }).click()
      await visit.page.getByRole('button', { name: 'Make a ticket' }).click()
      const once = visit.page.getByRole('dialog').filter({ hasText: 'shown this once' })
      await once.getByRole('button', { name: 'Copy the ticket' }).click()
      // Beside a modal dialog nothing is read aloud, nor reached.
      const notice = once.getByRole('status').filter({ hasText: 'Copied the ticket' })
      await notice.getByRole('button', { name: 'Close' }).click()
      await once.getByRole('button', { name: 'Done' }).click()
      await bench.eventually(async (saw) => {
        return saw(await visit.page.locator('body > .notices').count()) === 1
      })
    })
  })
}
