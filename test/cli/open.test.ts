import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from '../serial.ts'
import { browserIn } from '../../cli/commands/page/browser.ts'
import { Place, type CommandOptions } from './command.ts'

/** A session with a display, and a browser that notes what it is called with. */
function withBrowser(place: Place, script = 'exit 0'): CommandOptions {
  for (const folder of ['bin', 'run']) mkdirSync(place.file(folder))
  const browser = place.file('bin/xdg-open')
  const noted = place.file('noted')
  writeFileSync(browser, `#!/bin/sh\nprintf '%s\\n' "$@" > ${noted}\n${script}\n`)
  chmodSync(browser, 0o755)
  const PATH = `${place.file('bin')}:${process.env['PATH']}`
  return { env: { PATH, DISPLAY: ':0', XDG_RUNTIME_DIR: place.file('run') } }
}

const ADDRESS = /^http:\/\/127\.0\.0\.1:\d+\/ui\/#code=(dstore_code_[0-9a-f]{64})\n$/

test('R013-18 without a display open prints an address, whose code opens one session', async (t) => {
  const place = new Place(t)
  const { exit, stdout, stderr } = await place.run(['open'])
  t.is(exit, 0, stderr)
  const [url = '', code] = ADDRESS.exec(stdout.toString()) ?? []
  t.regex(stderr, /it works once, within two minutes/)
  const { origin } = new URL(url)
  t.is((await fetch(`${origin}/ui/`)).status, 200)
  const trade = () =>
    fetch(`${origin}/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    })
  const opened = await trade()
  t.like(await opened.json(), { role: 'admin' })
  t.is((await trade()).status, 401)
  const log = readFileSync(`${place.state}/daemon.log`, 'utf8')
  t.false(log.includes(code!))
})

test('R013-18 the code reaches the browser in a file that only its user may read', async (t) => {
  const place = new Place(t)
  const { exit, stdout, stderr } = await place.run(['open', '--role', 'reader'], withBrowser(place))
  t.is(exit, 0, stderr)
  t.is(stdout.toString(), '')
  t.regex(stderr, /opened http:\/\/127\.0\.0\.1:\d+\/ui\/ by xdg-open/)
  t.notRegex(stderr, /dstore_code_/)
  const path = readFileSync(place.file('noted'), 'utf8').trim()
  t.true(path.startsWith(place.file('run')), path)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.regex(
    readFileSync(path, 'utf8'),
    /content="0;url=http:\/\/127[^"]+\/ui\/#code=dstore_code_\w+"/,
  )
})

test('R013-18 --print prints the address where there is a display, too', async (t) => {
  const place = new Place(t)
  const { stdout } = await place.run(['open', '--print'], withBrowser(place))
  t.regex(stdout.toString(), ADDRESS)
  t.false(existsSync(place.file('noted')))
})

test('R013-18 where the browser fails, open says so, and prints the address', async (t) => {
  const place = new Place(t)
  const failing = withBrowser(place, 'exit 3')
  const { exit, stdout, stderr } = await place.run(['open'], failing)
  t.is(exit, 0)
  t.regex(stderr, /xdg-open ended with code 3: open this address yourself/)
  t.regex(stdout.toString(), ADDRESS)
  const nowhere = { ...failing.env, XDG_RUNTIME_DIR: place.file('none') }
  const unwritten = await place.run(['open'], { env: nowhere })
  t.regex(unwritten.stderr, /cannot write .*none.*: open this address yourself/)
  t.regex(unwritten.stdout.toString(), ADDRESS)
  const missing = { env: { ...failing.env, PATH: place.file('none') } }
  const other = await place.run(['open'], missing)
  t.regex(other.stderr, /xdg-open cannot be started: open this address yourself/)
})

test('R013-18 open refuses what is no role, and makes nothing', async (t) => {
  const place = new Place(t)
  const { exit, stderr } = await place.run(['open', '--role', 'king'])
  t.is(exit, 2)
  t.regex(stderr, /no such role: king/)
  t.false(existsSync(place.state))
})

test('R013-18 which program opens an address depends on the session', (t) => {
  t.is(browserIn({}, 'linux-x64'), undefined)
  t.is(browserIn({ DISPLAY: ':0' }, 'linux-x64'), 'xdg-open')
  t.is(browserIn({ WAYLAND_DISPLAY: 'wayland-0' }, 'linux-x64'), 'xdg-open')
  t.is(browserIn({}, 'darwin-arm64'), 'open')
  t.is(browserIn({ SSH_CONNECTION: '1 2 3 4' }, 'darwin-arm64'), undefined)
})

test('R013-19 open starts a daemon as its settings say, and --no-start none', async (t) => {
  const place = new Place(t)
  const none = await place.run(['open', '--no-start'])
  t.is(none.exit, 5)
  const { stderr } = await place.run(['open'])
  t.regex(stderr, /started a standalone node in the background/)
  const saved = JSON.parse(readFileSync(`${place.state}/config.json`, 'utf8')) as object
  t.false('http' in saved, 'the listener is no setting')
})
