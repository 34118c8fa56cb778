/** What the first view takes, and what open pages cost the daemon. */
import { ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from './bench.ts'
import { Visit, visiting } from './visit.ts'

const MOST_BYTES = 150_000
const MOST_REQUESTS = 8
const PAGES = 10
const MEASURED_MS = Number(process.env['DSTORE_PAGE_COST_MS'] ?? 2000)

/** Clock ticks of a process so far: of its own, in user and in system mode. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

const TICKS_A_SECOND = 100

export async function testFirstView(bench: Bench): Promise<void> {
  const { site, report, browser } = bench

  await report.test(
    'R013-66: the first view takes at most 150 KB, in at most eight requests',
    async () => {
      const visit = await Visit.begin(browser)
      let bytes = 0
      await visit.devtools.send('Network.enable')
      // As the network had it, head and body; a stream of events never finishes.
      visit.devtools.on('Network.dataReceived', ({ encodedDataLength }) => {
        bytes += Number(encodedDataLength)
      })
      visit.devtools.on('Network.responseReceived', ({ response }) => {
        bytes += (response as { readonly encodedDataLength: number }).encodedDataLength
      })
      await visit.open(await site.global.run(['open', '--print']))
      const first = (): Promise<unknown> => visit.page.evaluate('globalThis.firstViewMs ?? null')
      await bench.eventually(async () => (await first()) !== null)
      const ms = Number(await first())
      await bench.opened(visit)
      // What comes late, such as the code of plots, counts as well.
      await sleep(500)
      const requests = visit.requests.length
      await visit.end()
      report.note(`first view ${ms.toFixed(0)} ms, ${bytes} bytes in ${requests} requests`)
      ok(bytes > 10_000, 'the bytes were counted')
      ok(requests <= MOST_REQUESTS, `${requests} requests`)
      ok(bytes <= MOST_BYTES, `${bytes} bytes`)
    },
  )

  await report.test('ten open pages cost the daemon little', async () => {
    const { pid } = (await site.global.node.ask((client) => client.status())).daemon
    const idle = await shareOf(pid)
    const visits: Visit[] = []
    try {
      // Small, as ten pages that are drawn in software keep this machine busy.
      const size = { width: 360, height: 400 }
      for (let i = 0; i < PAGES; i++) visits.push(await Visit.begin(browser, size))
      await Promise.all(
        visits.map(async (visit) => {
          await visit.open(await site.global.open())
          await bench.opened(visit)
        }),
      )
      await sleep(1000)
      const open = await shareOf(pid)
      report.note(
        `the daemon alone ${percent(idle)} of a core, with ${PAGES} pages ${percent(open)}`,
      )
      // A busy loop for each page would be far above this; figures of a loaded machine vary.
      ok(open - idle < 0.15, percent(open))
    } finally {
      for (const { context } of visits) await context.close()
    }
  })

  await report.test('a page that was opened again keeps its session', async () => {
    const url = await site.global.run(['open', '--print', '--role', 'reader'])
    await visiting(browser, url, async (visit) => {
      await bench.opened(visit)
      await visit.page.reload()
      await bench.opened(visit)
    })
  })
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

/** How much of a core a process takes over a while. */
async function shareOf(pid: number): Promise<number> {
  const [begin, ticks] = [performance.now(), ticksOf(pid)]
  await sleep(MEASURED_MS)
  return (ticksOf(pid) - ticks) / TICKS_A_SECOND / ((performance.now() - begin) / 1000)
}
