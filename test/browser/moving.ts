/** Bytes through the browser: up, down, folders; what arrives is what left. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import { NOT_FOUND, sha256 } from './site.ts'
import { Visit, visiting } from './visit.ts'

const LARGE_BYTES = 200_000_000

/** Files that are chosen at once, and such that are refused. */
const CROWD = 2000
const REFUSED = 120

/** The exit code of a command whose transfer was cancelled. */
const CANCELLED = 130

/** Chooses files or a folder, and confirms the dialog. */
export async function upload(
  visit: Visit,
  label: 'Files to upload' | 'Folder to upload',
  paths: readonly string[],
  name?: string,
): Promise<void> {
  await visit.page.getByLabel(label).setInputFiles(paths)
  const dialog = visit.page.getByRole('dialog')
  await dialog.waitFor()
  if (name !== undefined) await dialog.getByLabel(/^Name$|begin with/).fill(name)
  await dialog.getByRole('button', { name: 'Upload' }).click()
}

type Point = readonly [x: number, y: number]

/** In a view, below what a short one shows, and beside it. */
const IN_VIEW: Point = [640, 200]
const BELOW: Point = [640, 740]
const BESIDE: Point = [100, 600]

/** Drags files or folders of this machine to a point of the page, and lets them go. */
async function drop(visit: Visit, files: readonly string[], [x, y]: Point): Promise<void> {
  const data = { items: [], files, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await visit.devtools.send('Input.dispatchDragEvent', { type, x, y, data })
  }
}

/** Waits for the line of an upload or download that says it is done. */
const done = (visit: Visit, label: string): Promise<void> =>
  visit.page
    .getByRole('region', { name: 'Uploads and downloads' })
    .locator('li')
    .filter({ hasText: label })
    .filter({ hasText: /done|stored|saved/ })
    .first()
    .waitFor({ timeout: 120_000 })

/** What a browser without a dialog for files has. */
const WITHOUT_PICKER = `delete globalThis.showSaveFilePicker`

/** A dialog for files that a person answers at once, with a file of the browser's own storage. */
export const ANSWERED_PICKER = `globalThis.showSaveFilePicker = async ({ suggestedName }) => {
  const folder = await navigator.storage.getDirectory()
  return folder.getFileHandle(suggestedName, { create: true })
}`

export async function testMoving(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global, locals } = site
  const folder = join(global.place.path, 'moving')
  mkdirSync(folder)
  const large = randomBytes(LARGE_BYTES)
  const largePath = join(folder, 'large.bin')
  writeFileSync(largePath, large)
  const largeSha256 = sha256(large)
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`bytes: ${title}`, run)

  await test('200 MB up by the browser are the same by the command line', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2F')
      await upload(visit, 'Files to upload', [largePath], 'moving/large.bin')
      await done(visit, 'moving/large.bin')
    })
    equal(await global.sha256('moving/large.bin'), largeSha256)
  })

  for (const [how, script] of [
    ['through a blob', WITHOUT_PICKER],
    ['to a chosen file', ANSWERED_PICKER],
  ] as const) {
    await test(`200 MB down by the browser, ${how}, are the same`, async () => {
      const visit = await Visit.begin(browser)
      try {
        await visit.context.addInitScript({ content: script })
        await visit.open(await locals[0]!.open())
        await bench.opened(visit)
        await bench.show(visit, 'values', '/moving%2Flarge.bin')
        const button = visit.page.getByRole('button', { name: 'Download' })
        if (script === WITHOUT_PICKER) {
          const download = visit.page.waitForEvent('download')
          await button.click()
          const saved = await download
          const path = join(folder, 'saved.bin')
          await saved.saveAs(path)
          equal(saved.suggestedFilename(), 'large.bin')
          equal(sha256(readFileSync(path)), largeSha256)
        } else {
          await button.click()
          await done(visit, 'large.bin')
          const found = await visit.page.evaluate(`(async () => {
            const folder = await navigator.storage.getDirectory()
            const file = await (await folder.getFileHandle('large.bin')).getFile()
            const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
            return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
          })()`)
          equal(found, largeSha256)
        }
      } finally {
        await visit.end()
      }
    })
  }

  await test('a folder up by the browser comes back by dstore get', async () => {
    const source = join(folder, 'tree')
    const files: Readonly<Record<string, Buffer>> = {
      'a.txt': Buffer.from('small\n'),
      empty: Buffer.alloc(0),
      'sub/deep/ü & 100%.txt': Buffer.from('odd name\n'),
      'sub/mid.bin': randomBytes(1_000_000),
      'sub/same.bin': randomBytes(20_000),
    }
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(join(source, path, '..'), { recursive: true })
      writeFileSync(join(source, path), bytes)
    }
    for (let i = 0; i < 60; i++) writeFileSync(join(source, 'sub', `n${i}`), `number ${i}\n`)
    chmodSync(join(source, 'a.txt'), 0o644)
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2F')
      await upload(visit, 'Folder to upload', [source], 'moving/tree')
      await done(visit, 'moving/tree')
      await bench.show(visit, 'values', '/moving%2Ftree')
      await visit.page.getByText('sub').first().waitFor()
    })
    const target = join(folder, 'got')
    await locals[1]!.run(['get', 'moving/tree', '-o', target])
    for (const [path, bytes] of Object.entries(files)) {
      ok(readFileSync(join(target, path)).equals(bytes), path)
    }
    equal(readFileSync(join(target, 'sub/n59'), 'utf8'), 'number 59\n')
    // The key is that of the same folder put by the command line.
    const { key } = await global.node.ask((client) => client.lookup('moving/tree'))
    equal(key, await global.run(['put', source]))
  })

  await test('several at once, and a refused name is said in the words of the API', async () => {
    const paths = ['x', 'y', 'z'].map((name) => join(folder, name))
    for (const path of paths) writeFileSync(path, randomBytes(100_000))
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2F')
      await upload(visit, 'Files to upload', paths, 'moving/several/')
      for (const name of ['x', 'y', 'z']) await done(visit, `moving/several/${name}`)
      for (const path of paths) {
        const name = `moving/several/${path.at(-1)}`
        equal(await global.sha256(name), sha256(readFileSync(path)))
      }
      visit.expect(/409/)
      await upload(visit, 'Files to upload', [join(folder, 'y')], 'moving/several/x')
      await visit.page
        .getByText(/is bound to/)
        .first()
        .waitFor()
    })
  })

  await test('R013-67: many files read their level seldom, and the list of those done is bounded', async () => {
    const paths = Array.from({ length: 150 }, (_, i) => join(folder, `many-${i}`))
    for (const path of paths) writeFileSync(path, path)
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2Fmany%2F')
      const begin = performance.now()
      const before = visit.requests.length
      await upload(visit, 'Files to upload', paths, 'moving/many/')
      await done(visit, `moving/many/many-149`)
      const reads = visit.requests.slice(before).filter((one) => /GET .*\/v1\/names\?/.test(one))
      const most = 2 + (performance.now() - begin) / 2000
      ok(reads.length <= most, `${reads.length} reads`)
      const lines = visit.page.getByRole('region', { name: 'Uploads and downloads' }).locator('li')
      await bench.eventually(async (saw) => saw(await lines.count()) === 100)
    })
  })

  await test('R013-99: of thousands of files a few lines are shown, and the rest is counted', async () => {
    const crowd = join(folder, 'crowd')
    mkdirSync(crowd)
    const paths = Array.from({ length: CROWD }, (_, i) => join(crowd, `crowd-${i}`))
    for (const path of paths) writeFileSync(path, path)
    await visiting(browser, await global.open(), async (visit) => {
      const region = visit.page.getByRole('region', { name: 'Uploads and downloads' })
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2Fcrowd%2F')
      await upload(visit, 'Files to upload', paths, 'moving/crowd/')
      await done(visit, 'moving/crowd/crowd-9')
      ok((await region.locator('li').count()) < 200)
      await region.getByText(/^1,\d{3} more wait/).waitFor()
      await region.getByRole('button', { name: 'Cancel those that wait' }).click()
      await region.getByText(/more wait/).waitFor({ state: 'hidden' })
      equal(await region.getByText('waits', { exact: true }).count(), 0)
      await bench.eventually(async (saw) => saw(await region.getByText(/ of \d/).count()) === 0)
    })
    const { exit } = await global.node.run(['get', `moving/crowd/crowd-${CROWD - 1}`])
    equal(exit, NOT_FOUND)
  })

  await test('R013-99: of many that fail the newest stay, and the rest is counted', async () => {
    const crowd = join(folder, 'refused')
    mkdirSync(crowd)
    const paths = Array.from({ length: REFUSED }, (_, i) => join(crowd, `refused-${i}`))
    for (const path of paths) writeFileSync(path, path)
    await visiting(browser, await global.open('writer'), async (visit) => {
      visit.expect(/400/)
      const region = visit.page.getByRole('region', { name: 'Uploads and downloads' })
      await bench.opened(visit)
      await bench.show(visit, 'values')
      // No name: it ends a line.
      await upload(visit, 'Files to upload', paths, `${'x'.repeat(1100)}/`)
      await region.getByText(`${REFUSED - 100} more failed`).waitFor({ timeout: 60_000 })
      equal(
        await region
          .locator('li')
          .filter({ hasText: /^failed/ })
          .count(),
        100,
      )
    })
  })

  for (const [what, before] of [
    ['a file', 'as it was chosen'],
    ['an empty file', ''],
  ] as const) {
    await test(`R013-63: ${what} that changed since it was chosen is said to have`, async () => {
      const path = join(folder, 'changing')
      writeFileSync(path, before)
      // Chromium compares the seconds.
      utimesSync(path, 1, 1)
      await visiting(browser, await global.open(), async (visit) => {
        visit.expect(/ERR_UPLOAD_FILE_CHANGED|ERR_FILE_NOT_FOUND/)
        await bench.opened(visit)
        await bench.show(visit, 'values', '?prefix=moving%2F')
        await visit.page.getByLabel('Files to upload').setInputFiles([path])
        const dialog = visit.page.getByRole('dialog')
        await dialog.waitFor()
        writeFileSync(path, 'as it is now, which is longer')
        await dialog.getByRole('button', { name: 'Upload' }).click()
        await visit.page.getByText('changing has changed since it was chosen').first().waitFor()
      })
      equal((await global.node.run(['get', 'moving/changing'])).exit, NOT_FOUND)
    })
  }

  await test('R013-63: a folder of which a small file changed is not stored', async () => {
    const source = join(folder, 'unsteady')
    mkdirSync(source)
    for (const name of ['a', 'b', 'c']) {
      writeFileSync(join(source, name), `as ${name} was chosen`)
      utimesSync(join(source, name), 1, 1)
    }
    await visiting(browser, await global.open(), async (visit) => {
      visit.expect(/ERR_UPLOAD_FILE_CHANGED|ERR_FILE_NOT_FOUND/)
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2F')
      await visit.page.getByLabel('Folder to upload').setInputFiles([source])
      const dialog = visit.page.getByRole('dialog')
      await dialog.waitFor()
      writeFileSync(join(source, 'b'), 'as b is now, which is longer')
      await dialog.getByRole('button', { name: 'Upload' }).click()
      await visit.page.getByText('b has changed since it was chosen').first().waitFor()
    })
    equal((await global.node.run(['get', 'moving/unsteady'])).exit, NOT_FOUND)
  })

  await test('R013-98: an empty folder is said to be empty, chosen or dropped', async () => {
    const empty = join(folder, 'hollow')
    mkdirSync(empty)
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values', '?prefix=moving%2F')
      await visit.page.getByLabel('Folder to upload').setInputFiles([empty])
      await visit.page.getByText('the folder is empty').waitFor()
      await drop(visit, [empty], IN_VIEW)
      await visit.page.getByText('hollow is empty').waitFor()
      // As a browser may say it of a folder without files.
      await visit.page.evaluate(`document.querySelector('[aria-label="Folder to upload"]')
        .dispatchEvent(new Event('cancel', { bubbles: true }))`)
      await visit.page.getByText('No folder was chosen, or one without files.').waitFor()
      equal(await visit.page.getByRole('dialog').count(), 0)
    })
  })

  await test('R013-98: files are taken wherever the view is, and replace the page nowhere', async () => {
    const path = join(folder, 'dropped.txt')
    writeFileSync(path, 'dropped')
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      // Runs behind the page's own: who prevents it decides instead of the browser.
      await visit.page.evaluate(`addEventListener('dragover', (event) => {
        globalThis.over = event.defaultPrevented + ' ' + event.dataTransfer.dropEffect
      })`)
      for (const [view, at] of [
        ['values', BESIDE],
        ['machines', IN_VIEW],
      ] as const) {
        await bench.show(visit, view)
        await visit.page.evaluate('void delete globalThis.over')
        await drop(visit, [path], at)
        equal(await visit.page.evaluate('globalThis.over'), 'true none', view)
        equal(await visit.page.getByRole('dialog').count(), 0)
      }
      await bench.show(visit, 'values', '?prefix=moving%2Fnothing-here%2F')
      await drop(visit, [path], BELOW)
      const dialog = visit.page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Upload' }).click()
      await done(visit, 'moving/nothing-here/dropped.txt')
    })
  })

  await test('a transfer between machines is seen, and ends where it is cancelled', async () => {
    const local = locals[2]!
    const givers = [global, locals[0]!]
    const listed = async (): Promise<number> =>
      (await local.node.ask((client) => client.events.transfers())).transfers.length
    await visiting(browser, await local.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'transfers')
      const run = local.node.run(['prefetch', 'moving/large.bin'])
      try {
        await bench.eventually(async () => (await listed()) === 1)
        // It stands still, so that it is there as long as it takes to cancel it.
        for (const giver of givers) giver.signal('SIGSTOP')
        await visit.page.locator('main tbody tr').first().waitFor()
        await visit.page
          .getByRole('button', { name: /^Cancel / })
          .first()
          .click()
        equal((await run).exit, CANCELLED)
        await visit.page.getByText('Nothing is being transferred.').waitFor()
        equal(await listed(), 0)
      } finally {
        for (const giver of givers) giver.signal('SIGCONT')
      }
    })
  })

  await test('a fetch at a rate is one transfer, which is seen and cancelled', async () => {
    const local = locals[1]!
    const listed = async (): Promise<readonly string[]> =>
      (await local.node.ask((client) => client.events.transfers())).transfers.map(({ id }) => id)
    await local.run(['evict', 'moving/large.bin'])
    await visiting(browser, await local.open(), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'transfers')
      const run = local.node.run(['prefetch', 'moving/large.bin', '--max-rate', '2MB/s'])
      const row = visit.page.locator('main tbody tr').first()
      await row.waitFor()
      const [id] = await listed()
      // Over some of its steps, which are four a second.
      for (let i = 0; i < 10; i++) {
        deepEqual(await listed(), [id])
        ok(await row.isVisible())
        await sleep(100)
      }
      await visit.page.getByRole('button', { name: /^Cancel / }).click()
      equal((await run).exit, CANCELLED)
      await visit.page.getByText('Nothing is being transferred.').waitFor()
    })
  })
}
