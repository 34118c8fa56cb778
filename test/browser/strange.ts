/** Values, names and labels that try to run, to spoil the view, or to pass for others. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { LABEL_CHARS } from '../../src/limits.ts'
import { overflowing } from './accessible.ts'
import type { Bench } from './bench.ts'
import { Ends, joined, NOT_FOUND, type Machine } from './site.ts'
import { rowsOf, mainText } from './views.ts'
import { visiting, type Visit } from './visit.ts'

const HTML = `<!doctype html><title>x</title><script>top.ran = 'html'; parent.ran = 'html'</script>
<img src=x onerror="top.ran = 'image'"><body onload="top.ran = 'load'">`
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="top.ran = 'svg'"><script>top.ran = 'script'</script>
<image href="http://localhost:1/home.png"/></svg>`
const JSON_TEXT = `{"__proto__": {"ran": "json"}, "<script>": "top.ran = 'json'", "n": 12345678901234567890}`

const NAMES = {
  script: `strange/<script>top.ran='name'<\\script>`,
  image: `strange/<img src=x onerror=top.ran='image'>`,
  template: 'strange/${top.ran=1}{{top.ran=2}}',
  quotes: `strange/"'\`><svg onload=top.ran=3>`,
  percent: 'strange/%2e%2e%2f#?&=+',
  right: `strange/harmless\u{202E}gpj.exe`,
  isolate: `strange/\u{2067}first\u{2066}second`,
  hebrew: 'strange/\u{5D0}\u{5D1}\u{5D2} 1 2 3',
  combining: `strange/z${'\u{301}'.repeat(40)}`,
  wide: `strange/${'\u{1F9D1}\u{200D}\u{1F4BB}'.repeat(20)}`,
  long: `strange/${'w'.repeat(480)}`,
  spaces: 'strange/ two  spaces ',
  line: 'strange/one\u{2028}line',
} as const

/** As long and as wide as a label may be. */
const WIDE_LABEL = 'W'.repeat(LABEL_CHARS)

const ran = (visit: Visit): Promise<unknown> => visit.page.evaluate('typeof globalThis.ran')

/** Puts a value under each of the names, with this behind it. */
const putNamed = async ({ node }: Machine, end: string): Promise<void> => {
  const items = Object.values(NAMES).map((name) => {
    return { value: Buffer.from(name), name: `${name}${end}` }
  })
  const outcomes = await node.ask((client) => client.putNamed(items))
  deepEqual(
    outcomes.filter((one) => 'problem' in one),
    [],
  )
}

/** Text that is shown with characters that turn the direction of writing. */
const TURNED = `(() => {
  const turned = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (/[\\u2028\\u202a-\\u202e\\u2066-\\u2069]/.test(node.data)) turned.push(node.parentElement.outerHTML)
  }
  return turned
})()`

export async function testStrange(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global } = site
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`R013-76: ${title}`, run)
  await putNamed(global, '')
  await global.put(HTML, '--name', 'strange-values/page.html')
  await global.put(SVG, '--name', 'strange-values/drawing.svg')
  await global.put(JSON_TEXT, '--name', 'strange-values/data.json')

  await test('names are shown as they are, and run nothing, in every view', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'changes')
      await putNamed(global, '2')
      await bench.eventually(async () => (await mainText(visit)).includes(`${NAMES.script}2`))
      deepEqual(await overflowing(visit), [])
      await bench.show(visit, 'values', '?prefix=strange%2F')
      const lines = 2 * Object.keys(NAMES).length
      await bench.eventually(async (saw) => saw(await rowsOf(visit)).length === lines)
      deepEqual(await overflowing(visit), [])
      deepEqual(await visit.page.evaluate(TURNED), [])
      const shown = await mainText(visit)
      ok(shown.includes('harmless\\u202egpj.exe'), 'what turns it is seen')
      ok(shown.includes('one\\u2028line') && shown.includes(' two  spaces '), 'and what breaks it')
      for (const name of Object.values(NAMES)) {
        await bench.show(visit, 'values', `/${encodeURIComponent(name)}`)
        await visit.page.getByRole('button', { name: 'Download' }).waitFor()
        deepEqual(await overflowing(visit), [], name)
        deepEqual(await visit.page.evaluate(TURNED), [], name)
        await bench.show(visit, 'removal', `?word=${encodeURIComponent(name)}`)
        await visit.page.getByRole('button', { name: 'Remove…' }).click()
        const dialog = visit.page.getByRole('dialog')
        // What a person reads confirms, and what the name is.
        const [field, act] = [dialog.getByLabel(/^Type the/), dialog.locator('[type="submit"]')]
        const [, told = ''] = /: (.*)/s.exec(await dialog.locator('.field label').innerText()) ?? []
        for (const typed of [told, name]) {
          await field.fill('')
          equal(await act.isEnabled(), false, name)
          await field.fill(typed)
          equal(await act.isEnabled(), true, `${name}: ${typed}`)
        }
        deepEqual(await overflowing(visit), [], name)
        await visit.page.keyboard.press('Escape')
        deepEqual(await visit.page.evaluate(TURNED), [], name)
      }
      equal(await ran(visit), 'undefined')
    })
  })

  await test('a name is removed by its own text, whatever that is', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      const { removeByPage } = await import('./removal.ts')
      await bench.show(visit, 'removal')
      const name = `${NAMES.script}2`
      await removeByPage(visit, name, name)
      await bench.eventually(async () => (await global.node.run(['get', name])).exit === NOT_FOUND)
      equal((await global.node.run(['get', NAMES.script])).exit, 0)
      equal(await ran(visit), 'undefined')
    })
  })

  await test('an HTML value, an SVG and JSON are text, and run nothing', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      for (const [name, part] of [
        ['page.html', '<script>'],
        ['drawing.svg', '<svg'],
        ['data.json', '__proto__'],
      ] as const) {
        await bench.show(visit, 'values', `/strange-values%2F${name}`)
        await visit.page.getByRole('button', { name: 'Preview' }).click()
        await visit.page.locator('main pre').first().waitFor()
        const text = await visit.page.locator('main pre').first().innerText()
        ok(text.includes(part), text)
        equal(await visit.page.evaluate('document.querySelectorAll("main iframe").length'), 0)
        equal(await ran(visit), 'undefined', name)
      }
      match(await visit.page.locator('main pre').first().innerText(), /12345678901234567890/)
    })
  })

  await test('opened by its address, a value is no page of this origin', async () => {
    const url = await global.open()
    await visiting(browser, url, async (visit) => {
      await bench.opened(visit)
      const headers = (await visit.page.evaluate(`fetch('/v1/values/strange-values%2Fpage.html', {
        headers: { Authorization: 'Bearer ' + Object.values({ ...sessionStorage })[0] },
      }).then((response) => Object.fromEntries(response.headers))`)) as Record<string, string>
      equal(headers['x-content-type-options'], 'nosniff')
      ok(!/html|svg|xml|script/.test(headers['content-type'] ?? ''), headers['content-type'])
    })
  })

  await test('a label of the widest characters fits at 360 px', async () => {
    const ends = new Ends()
    try {
      await joined(ends, global, WIDE_LABEL)
      await visiting(
        browser,
        await global.open(),
        async (visit) => {
          await bench.opened(visit)
          for (const view of ['overview', 'machines', 'access'] as const) {
            await bench.show(visit, view)
            await bench.eventually(async () => {
              return view === 'overview' || (await mainText(visit)).includes(WIDE_LABEL)
            })
            deepEqual(await overflowing(visit), [], view)
          }
        },
        { width: 360, height: 740 },
      )
      await global.run(['members', 'rm', WIDE_LABEL])
    } finally {
      await ends.end()
    }
  })
}
