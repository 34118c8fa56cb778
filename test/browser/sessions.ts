/** What ends a session, and what its role may do. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { MemberRole } from '../../src/membership/role.ts'
import { VIEWS, type Bench } from './bench.ts'
import { Ends, joined, Machine } from './site.ts'
import { Visit, visiting } from './visit.ts'

/** Every button and field that is shown, by its name. */
const controls = async (visit: Visit): Promise<string[]> =>
  (await visit.page.evaluate(`[...document.querySelectorAll('main button, main input, main a')]
    .filter((one) => one.checkVisibility())
    .map((one) => one.getAttribute('aria-label') ?? one.innerText)`)) as string[]

/** What only a writer or an admin may do. */
const CHANGES = /…$|upload|remove|invite|revoke|cancel|add|bind|pin|evict/i

/** What Global decides by the role of a member, as the page calls it. */
const AT_GLOBAL =
  /^(Upload files|Upload folder|Name…|Remove…|Look up|Members|New rule…|For values without a name…)$/

const UPLOADS = ['Upload files', 'Upload folder']
const RULES = ['Members', 'New rule…', 'For values without a name…']

/** What the page of a Local offers of that, by the role of the Local, in each place. */
const OFFERED: Readonly<Record<MemberRole, Readonly<Record<string, readonly string[]>>>> = {
  reader: {
    'roles/fixed': [],
    'removal of roles/fixed': [],
    'roles/tag': [],
    'removal of roles/tag': [],
    rules: [],
  },
  writer: {
    'roles/fixed': [...UPLOADS, 'Name…'],
    'removal of roles/fixed': ['Look up'],
    'roles/tag': [...UPLOADS, 'Name…', 'Remove…'],
    'removal of roles/tag': ['Look up', 'Remove…'],
    rules: [],
  },
  admin: {
    'roles/fixed': [...UPLOADS, 'Name…', 'Remove…'],
    'removal of roles/fixed': ['Look up', 'Remove…'],
    'roles/tag': [...UPLOADS, 'Name…', 'Remove…'],
    'removal of roles/tag': ['Look up', 'Remove…'],
    rules: RULES,
  },
}

/** What the page offers of that, in each place. `Remove…` is a link at a name, else a button. */
async function offered(bench: Bench, visit: Visit): Promise<Record<string, string[]>> {
  const { page } = visit
  const found: Record<string, string[]> = {}
  const note = async (place: string): Promise<void> => {
    found[place] = (await controls(visit)).filter((one) => AT_GLOBAL.test(one))
  }
  for (const name of ['roles/fixed', 'roles/tag']) {
    await bench.show(visit, 'values', `/${encodeURIComponent(name)}`)
    // The actions come with the heading.
    await page.getByRole('heading', { name }).waitFor()
    await page.getByRole('button', { name: 'Download' }).waitFor()
    await note(name)
    await bench.show(visit, 'removal', `?word=${encodeURIComponent(name)}`)
    // The view before has a heading with the name, too.
    await page.locator('.removal.about').getByRole('heading', { name }).waitFor()
    await note(`removal of ${name}`)
  }
  await bench.show(visit, 'access', '/rules')
  await page.getByText(/^What a rule bounds/).waitFor()
  await note('rules')
  return found
}

export async function testSessions(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global } = site
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`sessions: ${title}`, run)
  await global.put('for roles', '--name', 'roles/fixed')
  await global.put('for roles, too', '--tag', 'roles/tag')

  await test('a reader sees no button that would be refused', async () => {
    await visiting(browser, await global.open('reader'), async (visit) => {
      await bench.opened(visit)
      for (const view of VIEWS) {
        const link = visit.page.locator(`nav a[href^="#/${view}"]`)
        if ((await link.count()) === 0) continue
        await bench.show(visit, view)
        const found = (await controls(visit)).filter(
          // Other tests have levels of names such as `removed/`.
          (name) => CHANGES.test(name) && !name.endsWith('/'),
        )
        deepEqual(found, [], view)
      }
      for (const name of ['roles%2Ffixed', 'roles%2Ftag']) {
        await bench.show(visit, 'values', `/${name}`)
        await visit.page.getByRole('button', { name: 'Download' }).waitFor()
        const found = (await controls(visit)).filter((one) => CHANGES.test(one))
        deepEqual(
          found,
          ['Copy the key', 'Copy the command'].filter((one) => CHANGES.test(one)),
          name,
        )
      }
      // By address, too, nothing is offered.
      await bench.show(visit, 'values', '/roles%2Ftag')
      equal(await visit.page.getByLabel('Files to upload').count(), 0)
    })
  })

  await test('at a Local, an admin sees what Global allows the member, and nothing else', async () => {
    const ends = new Ends()
    try {
      const local = await joined(ends, global, 'oslo', 'reader')
      const { peerId } = await local.node.ask((client) => client.status())
      for (const [role, expected] of Object.entries(OFFERED)) {
        await global.run(['members', 'add', peerId!, '--role', role])
        await bench.eventually(async (saw) => {
          const { global: link } = await local.node.ask((client) => client.status())
          return saw(link)?.role === role
        })
        await visiting(browser, await local.open(), async (visit) => {
          await bench.opened(visit)
          deepEqual(await offered(bench, visit), expected, role)
        })
      }
    } finally {
      await ends.end()
    }
  })

  await test('each button of a reader is answered, and what the page hides is refused', async () => {
    await visiting(browser, await global.open('reader'), async (visit) => {
      await bench.opened(visit)
      const token = await bench.token(visit)
      const calls = await ask(visit.origin, '/v1/session', token)
      const { calls: allowed, role } = JSON.parse(calls.body) as {
        readonly calls: readonly string[]
        readonly role: string
      }
      equal(role, 'reader')
      ok(allowed.includes('GET /v1/values/{key}'))
      const writes = allowed.filter((call) => /^(PUT|DELETE)/.test(call))
      deepEqual(writes, ['DELETE /v1/session'])
      for (const [method, path] of [
        ['DELETE', '/v1/names/roles%2Ffixed'],
        ['POST', '/v1/values'],
        ['POST', '/v1/invitations'],
        ['GET', '/v1/tokens'],
        ['POST', '/v1/session/codes'],
        ['POST', '/v1/stop'],
      ] as const) {
        equal((await ask(visit.origin, path, token, method)).status, 403, path)
      }
    })
  })

  await test('a writer uploads and moves tags, and removes no fixed name', async () => {
    await visiting(browser, await global.open('writer'), async (visit) => {
      await bench.opened(visit)
      await bench.show(visit, 'values')
      await visit.page.getByRole('button', { name: 'Upload files' }).waitFor()
      await bench.show(visit, 'values', '/roles%2Ftag')
      await visit.page.getByText('Remove…').first().waitFor()
      await bench.show(visit, 'values', '/roles%2Ffixed')
      await visit.page.getByRole('button', { name: 'Download' }).waitFor()
      equal(await visit.page.getByText('Remove…').count(), 0)
    })
  })

  await test('R013-5: an address with a code that is none says so', async () => {
    const { origin } = new URL(await global.open())
    for (const code of ['', '%', '%E0%A4%A', 'wrong&x', '\u{1f9d1}']) {
      const visit = await Visit.begin(browser)
      try {
        visit.expect(/40[01]/)
        await visit.open(`${origin}/ui/#code=${code}`)
        await bench.refused(visit)
        ok(!String(await visit.page.evaluate('location.href')).includes('code'), code)
      } finally {
        await visit.end()
      }
    }
  })

  await test('R007-71: an upload of a session that has ended is refused, without asking for a password', async () => {
    const visit = await Visit.begin(browser)
    try {
      visit.expect(/401|ERR_INCOMPLETE/)
      await visit.open(await global.open())
      await bench.opened(visit)
      await bench.show(visit, 'values')
      equal(
        (await ask(visit.origin, '/v1/session', await bench.token(visit), 'DELETE')).status,
        204,
      )
      const answered = visit.page.evaluate(`new Promise((resolve) => {
        const request = new XMLHttpRequest()
        request.open('PUT', '/v1/values')
        request.setRequestHeader('Authorization', 'Bearer ' + Object.values({ ...sessionStorage })[0])
        request.addEventListener('loadend', () => resolve(request.status))
        request.send(new Blob(['refused']))
      })`)
      equal(await answered, 401)
      await bench.refused(visit)
    } finally {
      await visit.end()
    }
  })

  await test('End session ends it everywhere', async () => {
    const visit = await Visit.begin(browser)
    try {
      await visit.open(await global.open())
      await bench.opened(visit)
      const token = await bench.token(visit)
      await visit.page.getByRole('button', { name: 'End session' }).click()
      await bench.refused(visit)
      equal((await ask(visit.origin, '/v1/status', token)).status, 401)
      await visit.page.reload()
      await bench.refused(visit)
    } finally {
      await visit.end()
    }
  })
}

/** What ends every session of a daemon, in a world of its own, for the sake of other tests. */
export async function testEnds(bench: Bench): Promise<void> {
  const { report, browser } = bench
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`sessions: ${title}`, run)
  const ends = new Ends()
  try {
    const own = await Machine.start(ends, ['--global'])
    const local = await joined(ends, own, 'late')

    await test('it is over after a day, and the page says so', async () => {
      await visiting(browser, await local.open(), async (visit) => {
        visit.expect(/401|ERR_INCOMPLETE/)
        await bench.opened(visit)
        local.signal('SIGUSR2')
        await visit.page
          .getByText(/session has ended/)
          .first()
          .waitFor()
        await bench.refused(visit)
        equal(await visit.page.evaluate('document.querySelectorAll("nav").length'), 0)
      })
    })

    await test('a daemon that starts again ends it, and the page says so', async () => {
      await visiting(browser, await own.open(), async (visit) => {
        visit.expect(
          // A daemon that ends or starts may say 503.
          /401|503|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/,
        )
        await bench.opened(visit)
        const { port } = new URL(visit.origin)
        await own.restart()
        await visit.page.getByText('not connected').first().waitFor()
        // On the same port, as a service would have it.
        await own.http(Number(port))
        await visit.page
          .getByText(/session has ended/)
          .first()
          .waitFor()
      })
    })
  } finally {
    await ends.end()
  }
}

async function ask(
  origin: string,
  path: string,
  token: string,
  method = 'GET',
): Promise<{ readonly status: number; readonly body: string }> {
  const { hostname, port } = new URL(origin)
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const asked = request({ hostname, port, path, method, headers, agent: false })
  asked.end(method === 'POST' ? '{}' : undefined)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode!, body: (await response.toArray()).join('') }
}
