/** Pages of other origins, a rebound name, a frame, a used address: all refused. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Bench } from './bench.ts'
import { REBOUND } from './chromium.ts'
import { Visit, visiting } from './visit.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** One request as no browser would send it. */
async function ask(
  origin: string,
  path: string,
  options: {
    readonly method?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin)
  const { body, ...rest } = options
  const asked = request({ hostname, port, path, agent: false, ...rest }).end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const text = (await response.toArray()).join('')
  return { status: response.statusCode!, headers: response.headers, body: text }
}

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** The origin and the code of an address. */
function partsOf(url: string): { readonly origin: string; readonly code: string } {
  const { origin, hash } = new URL(url)
  return { origin, code: hash.replace('#code=', '') }
}

/** A page of another origin, which tries what it can. */
async function withForeign(
  bench: Bench,
  html: string,
  work: (visit: Visit, foreign: string) => Promise<void>,
): Promise<void> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' })
    response.end(`<!doctype html><title>foreign</title>${html}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const foreign = `http://localhost:${(server.address() as AddressInfo).port}`
  const visit = await Visit.begin(bench.browser)
  try {
    await visit.open(`${foreign}/`)
    await work(visit, foreign)
  } finally {
    await visit.context.close()
    server.closeAllConnections()
    server.close()
  }
}

/** What a fetch by the page ends in: its status, `opaque`, or the name of its error. */
const fetched = (visit: Visit, url: string, init: object = {}): Promise<unknown> =>
  visit.page.evaluate(`fetch(${JSON.stringify(url)}, ${JSON.stringify(init)}).then(
    (response) => (response.type === 'opaque' ? 'opaque' : response.status),
    (error) => error.name,
  )`)

export async function testHostile(bench: Bench): Promise<void> {
  const { site, report, browser } = bench
  const { global } = site
  const test = (title: string, run: () => Promise<void>): Promise<void> =>
    report.test(`hostile: ${title}`, run)

  await test('the address works once, in the browser and beside it', async () => {
    const url = await global.open()
    const { origin, code } = partsOf(url)
    await visiting(browser, url, async (visit) => {
      await bench.opened(visit)
      ok(!visit.page.url().includes(code), 'the code is gone from the address')
      ok(!visit.requests.some((one) => one.includes(code)), 'no URL of a request had the code')
      equal(await visit.page.evaluate('history.length'), await visit.page.evaluate('1 + 1'))
      const stored = String(await visit.page.evaluate('JSON.stringify({ ...localStorage })'))
      equal(stored, '{}', 'nothing outlasts the tab')
      equal(await visit.page.evaluate('document.cookie'), '')
    })
    const again = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ code }) }
    equal((await ask(origin, '/v1/session', again)).status, 401)
    const second = await Visit.begin(browser)
    try {
      second.expect(/401/)
      await second.open(url)
      await bench.refused(second)
      ok(!second.page.url().includes(code))
      equal(await second.page.evaluate('Object.values({ ...sessionStorage }).join("")'), '')
    } finally {
      await second.end()
    }
  })

  await test('one that is wrong, used or of another spelling is refused with one message', async () => {
    const { origin, code } = partsOf(await global.open())
    const trade = (body: unknown, headers: Readonly<Record<string, string>> = JSON_TYPE) =>
      ask(origin, '/v1/session', { method: 'POST', headers, body: JSON.stringify(body) })
    const foreign = { ...JSON_TYPE, Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'cross-site' }
    const refusals = [
      await trade({ code }, { 'Content-Type': 'text/plain' }),
      await trade({ code }, { 'Content-Type': 'application/x-www-form-urlencoded' }),
      await trade({ code }, foreign),
    ]
    for (const { status } of refusals) ok(status >= 400 && status < 500, String(status))
    const wrong = await trade({ code: `${code}x` })
    equal((await trade({ code })).status, 201, 'none of these used it up')
    const used = await trade({ code })
    deepEqual([wrong.status, used.status], [401, 401])
    equal(wrong.body, used.body)
  })

  await test('a page of another origin reads nothing and changes nothing', async () => {
    const { origin, code } = partsOf(await global.open())
    const before = await global.node.ask((client) => client.status())
    const forms = ['/v1/stop', '/v1/values', '/v1/session', '/v1/session/codes', '/v1/invitations']
      .map((path) => `<form method=post target=f action="${origin}${path}"><input name=a></form>`)
      .join('')
    const frame = '<iframe name=f></iframe>'
    await withForeign(bench, `${forms}${frame}`, async (visit) => {
      const json = JSON.stringify({ code })
      const post = { method: 'POST', body: json }
      const plain = { 'Content-Type': 'text/plain' }
      const refused = [
        await fetched(visit, `${origin}/v1/status`),
        await fetched(visit, `${origin}/v1/status`, { headers: { Authorization: 'Bearer x' } }),
        await fetched(visit, `${origin}/v1/session`, { ...post, headers: JSON_TYPE }),
        await fetched(visit, `${origin}/v1/session`, { ...post, headers: plain }),
        await fetched(visit, `${origin}/v1/session`, { ...post, mode: 'no-cors' }),
        await fetched(visit, `${origin}/v1/stop`, { method: 'POST', mode: 'no-cors' }),
        await fetched(visit, `${origin}/v1/values`, { ...post, mode: 'no-cors' }),
        await fetched(visit, `${origin}/ui/`, { mode: 'no-cors' }),
      ]
      deepEqual(refused, Array<string>(refused.length).fill('TypeError'))
      await visit.page.evaluate(`for (const form of document.forms) form.submit()`)
      const ran = await visit.page.evaluate(`new Promise((resolve) => {
        const script = document.createElement('script')
        script.src = ${JSON.stringify(`${origin}/ui/main.js`)}
        script.type = 'module'
        script.onload = () => resolve('ran')
        script.onerror = () => resolve('refused')
        document.head.append(script)
      })`)
      equal(ran, 'refused')
    })
    // The code was not used up by any of these, and the daemon serves as before.
    const trade = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ code }) }
    equal((await ask(origin, '/v1/session', trade)).status, 201)
    const after = await global.node.ask((client) => client.status())
    deepEqual(after.store!.values, before.store!.values)
  })

  await test('a token that another origin came by is refused there', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      const token = await bench.token(visit)
      const mine = { Authorization: `Bearer ${token}` }
      const own = await ask(visit.origin, '/v1/status', { headers: mine })
      equal(own.status, 200)
      const headers = { ...mine, Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'cross-site' }
      equal((await ask(visit.origin, '/v1/status', { headers })).status, 403)
      await withForeign(bench, '', async (foreign) => {
        const url = `${visit.origin}/v1/status`
        equal(await fetched(foreign, url, { headers: mine }), 'TypeError')
        const post = { method: 'POST', headers: mine, body: 'x' }
        equal(await fetched(foreign, `${visit.origin}/v1/values`, post), 'TypeError')
      })
    })
  })

  await test('no page frames it, or holds on to a window that it opened', async () => {
    const url = await global.open()
    const { origin } = partsOf(url)
    await withForeign(bench, `<iframe src="${origin}/ui/"></iframe>`, async (visit) => {
      await bench.eventually(() => visit.page.frames().length === 2)
      await bench.eventually(() => visit.page.frames()[1]!.url() !== 'about:blank')
      const inside = await visit.page.frames()[1]!.evaluate('document.body.innerText.length')
      match(visit.page.frames()[1]!.url(), /^chrome-error:/)
      ok(Number(inside) >= 0)
      const popup = visit.page.waitForEvent('popup')
      await visit.page.evaluate(`globalThis.opened = open(${JSON.stringify(`${origin}/ui/`)}), 0`)
      const page = await popup
      equal(await page.evaluate('globalThis.opener'), null)
      await bench.eventually(async () => (await visit.page.evaluate('opened.closed')) === true)
    })
  })

  await test('a name that was rebound to this machine is not served', async () => {
    const { origin, code } = partsOf(await global.open())
    const { port } = new URL(origin)
    for (const path of ['/ui/', '/ui/main.js', '/v1/session', '/v1/status']) {
      const headers = { Host: `${REBOUND}:${port}` }
      equal((await ask(origin, path, { headers })).status, 421, path)
    }
    const visit = await Visit.begin(browser)
    try {
      const response = await visit.page.goto(`http://${REBOUND}:${port}/ui/#code=${code}`)
      equal(response?.status(), 421)
    } finally {
      await visit.context.close()
    }
    const trade = { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ code }) }
    equal((await ask(origin, '/v1/session', trade)).status, 201, 'the code was not traded')
  })

  await test('no path leads out of the files of the page, and no method changes them', async () => {
    const { origin } = partsOf(await global.open())
    const paths = ['/ui/../dstore.js', '/ui/%2e%2e/dstore.js', '/ui/..%2fdstore.js']
      .concat('/ui/vendor/../../dstore.js', '/ui//etc/passwd', '/ui/%2fetc%2fpasswd')
      .concat('/ui/constructor', '/ui/__proto__', '/ui/index.html%00', '/ui/tsconfig.json')
    for (const path of paths) match(String((await ask(origin, path)).status), /^40[04]$/, path)
    for (const method of ['POST', 'PUT', 'DELETE']) {
      match(String((await ask(origin, '/ui/', { method })).status), /^40[15]$/, method)
    }
    const page = await ask(origin, '/ui/')
    equal(page.status, 200)
    const policy = String(page.headers['content-security-policy'])
    match(policy, /default-src 'none'/)
    match(policy, /frame-ancestors 'none'/)
    ok(!/unsafe|\*|https?:/.test(policy), policy)
    equal(page.headers['x-frame-options'], 'DENY')
    equal(page.headers['referrer-policy'], 'no-referrer')
    equal(page.headers['x-content-type-options'], 'nosniff')
  })

  await test('what gets into the page can neither run nor call home', async () => {
    await visiting(browser, await global.open(), async (visit) => {
      await bench.opened(visit)
      visit.expect(/Content Security Policy/i, /^policy: /, /Trusted/, /localhost:1/)
      await visit.page.evaluate(`(() => {
        const add = (name, attributes) => {
          const element = document.createElement(name)
          for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
          document.body.append(element)
          return element
        }
        add('img', { src: 'http://localhost:1/home' })
        add('iframe', { src: 'http://localhost:1/' })
        add('link', { rel: 'stylesheet', href: 'http://localhost:1/' })
        add('p', { style: 'background: url(http://localhost:1/)' })
        add('form', { action: 'http://localhost:1/' }).submit()
        for (const text of ['textContent', 'src']) {
          try {
            const script = document.createElement('script')
            script[text] = 'globalThis.ran = 1'
            document.body.append(script)
          } catch {}
        }
        try {
          document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="globalThis.ran = 2">')
        } catch {}
      })()`)
      equal(await fetched(visit, 'http://localhost:1/'), 'TypeError')
      const seen = (): Promise<unknown> => visit.page.evaluate('globalThis.violations.length')
      await bench.eventually(async () => Number(await seen()) >= 5)
      equal(await visit.page.evaluate('typeof globalThis.ran'), 'undefined')
    })
  })
}
