import { ENGINE_PACKAGES, loadPackage } from '../../../src/journal/engine/packages.ts'
import { parseEnginePlace } from '../../../src/journal/engine/place.ts'
import { openNatsJournal } from '../../../src/journal/nats/nats-journal.ts'
import { openPostgresJournal } from '../../../src/journal/postgres/postgres-journal.ts'
import { test } from '../../serial.ts'

const parse = (url: string): ReturnType<typeof parseEnginePlace> =>
  parseEnginePlace(url, ['nats', 'tls'], 4222, ['a'])

test('R009-78 a URL names hosts, user, password and set', (t) => {
  const place = parse('tls://us%40er:p%3Aass:w@one,two:5,[::1]:6/set?a=b')
  t.like(place, { scheme: 'tls', user: 'us@er', password: 'p:ass:w', name: 'set' })
  t.deepEqual(place.hosts, [
    { host: 'one', port: 4222 },
    { host: 'two', port: 5 },
    { host: '[::1]', port: 6 },
  ])
  t.is(place.parameters.get('a'), 'b')
  t.is(place.label, 'tls://one,two:5,[::1]:6/set')
  t.like(parse('nats://h'), { user: undefined, password: undefined, name: '' })
  t.like(parse('nats://u@h'), { user: 'u', password: undefined })
  t.throws(() => parse('nats://::1/set'), { message: /: \[ADDRESS\]:PORT for an address of IPv6$/ })
})

test('R009-78 a URL of another form is refused, and its password is in no message', (t) => {
  const wrong = [
    '',
    'h',
    'http://u:secret@h',
    'nats://u:secret@',
    'nats://u:secret@h:0',
    'nats://u:secret@h:65536',
    'nats://u:secret@h:1x',
    'nats://u:secret@h,,i',
    'nats://u:secret%@h',
    'nats://u:secret@::1/set',
    'nats://u:secret@h@i',
    `nats://u:secret@${'h,'.repeat(16)}h`,
    'nats://u:secret@h/set?b=1',
    'nats://u:secret@h/set?a=1&a=2',
  ]
  for (const url of wrong) {
    const error = t.throws(() => parse(url), undefined, url)
    t.like(error, { code: 'usage' }, url)
    t.notRegex(error.message, /secret/)
  }
})

test('R009-78 a set has a name that its engine can have', async (t) => {
  const load = (): never => {
    throw new Error('loaded')
  }
  for (const name of ['', 'a.b', 'a*', 'a>', 'a b', 'a'.repeat(33)]) {
    const call = (): unknown => openNatsJournal({ url: `nats://u:secret@h/${name}`, load })
    const error = t.throws(call, undefined, name)
    t.like(error, { code: 'usage' })
    t.notRegex(error.message, /secret/)
  }
  for (const query of ['', '?set=', '?set=A', '?set=a-b', '?set=a"', `?set=${'a'.repeat(33)}`]) {
    const call = (): unknown => openPostgresJournal({ url: `postgres://h/db${query}`, load })
    t.like(t.throws(call, undefined, query), { code: 'usage' })
  }
  t.like(
    t.throws(() => void openPostgresJournal({ url: 'postgres://h?set=a', load })),
    {
      code: 'usage',
    },
  )
  await t.throwsAsync(openNatsJournal({ url: 'nats://h/a', load }), { message: 'loaded' })
})

test('R009-78 what nothing would read is refused: it may be a misspelt promise', (t) => {
  const load = (): never => {
    throw new Error('loaded')
  }
  t.like(
    t.throws(() => void openNatsJournal({ url: 'nats://h/set?tls=true', load })),
    { code: 'usage' },
  )
  for (const query of ['ssl=true', 'sslmode=verify_full', 'sslmode=prefer', 'sslmode=']) {
    const url = `postgres://h/db?set=a&${query}`
    t.like(
      t.throws(() => void openPostgresJournal({ url, load }), undefined, query),
      { code: 'usage' },
    )
  }
})

test('R009-96 a client that is missing or broken is told with the command', async (t) => {
  const missing = Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' })
  t.like(await t.throwsAsync(loadPackage('pg', () => Promise.reject(missing))), {
    code: 'unsupported',
    message: 'this engine needs pg, which is not installed',
    hint: `npm i pg@${ENGINE_PACKAGES.pg} (with -g where dstore was installed so)`,
  })
  const broken = loadPackage('@nats-io/transport-node', () => Promise.reject(new Error('no')))
  t.like(await t.throwsAsync(broken), {
    message: 'this engine needs @nats-io/transport-node, which does not load',
  })
})
