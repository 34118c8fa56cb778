import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readEngineSecrets } from '../../../../src/daemon/config/set/engine-secrets.ts'
import {
  checkSettings,
  readSettings,
  resolveSettings,
  settingsFromEnvironment,
  writeSettings,
  type Settings,
} from '../../../../src/daemon/config/settings.ts'
import { withUser } from '../../../../src/daemon/process/set/open-member.ts'
import { temporaryDirectory } from '../../serving.ts'
import { test } from '../../../serial.ts'

const SET: Settings = {
  role: 'global',
  engine: 'nats://a,b,c/main',
  bucket: 's3://bucket/main',
  setKey: '/etc/dstore/set.key',
  listen: ['/ip4/0.0.0.0/tcp/4480'],
}

test('R012-40 the settings of a member are saved, and apply to a Global alone', (t) => {
  const all: Settings = { ...SET, member: 'one', bucketEndpoint: 'http://s3:9000' }
  const applied = resolveSettings(checkSettings(all), {})
  t.like(applied, all)
  const path = join(temporaryDirectory(t), 'config.json')
  writeSettings(path, applied)
  t.deepEqual(resolveSettings({}, readSettings(path)), applied)
  t.is(resolveSettings({ role: 'standalone' }, readSettings(path)).engine, undefined)
  t.deepEqual(settingsFromEnvironment({ DSTORE_ENGINE: SET.engine!, DSTORE_BUCKET: SET.bucket! }), {
    engine: SET.engine!,
    bucket: SET.bucket!,
  })
})

test('R012-41 what a member cannot be is refused with a hint', (t) => {
  const cases: [change: Settings, message: RegExp][] = [
    [{ archive: 's3://bucket/other' }, /no archive of its own/],
    [{ store: 'memory' }, /store on disk/],
    [{ role: 'standalone', listen: undefined } as never, /only a Global/],
    [{ role: 'local', join: ['/ip4/1.2.3.4/tcp/1/p2p/x'] }, /only a Global/],
    [{ bucket: undefined } as never, /--bucket/],
    [{ setKey: undefined } as never, /--set-key/],
    [{ engine: undefined } as never, /--engine/],
    [{ listen: ['/ip4/0.0.0.0/tcp/0'] }, /address of its own/],
    [{ listen: undefined, bucket: undefined } as never, /--bucket/],
  ]
  for (const [change, message] of cases) {
    const given = Object.fromEntries(
      Object.entries({ ...SET, ...change }).filter(([, value]) => value !== undefined),
    )
    const error = t.throws(() => resolveSettings(given, {}), { code: 'usage', message })
    t.truthy((error as { hint?: string }).hint, String(message))
  }
})

test('R012-42 no password is a setting, and none is repeated', (t) => {
  const cases: Settings[] = [
    { engine: 'nats://u:geheim@host/main' },
    { engine: 'nats://u:geheim/1@host/main' },
    { engine: 'nats://u:12/geheim@host/main' },
    { engine: 'nats://u:?geheim@host/main' },
    { engine: 'nats://u:geheim@1@host/main' },
    { engine: 'nats://geheim@@host/main' },
    { engine: 'postgres://host/db?set=main&password=geheim' },
    { bucket: 's3://geheim@bucket/main' },
    { bucketEndpoint: 'https://u:geheim@host' },
  ]
  for (const one of cases) {
    const error = t.throws(() => checkSettings(one), { code: 'usage' })
    t.notRegex(`${error.message} ${(error as { hint?: string }).hint}`, /geheim/)
  }
})

test('R012-43 secrets come from a file of the owner alone, and from one variable', async (t) => {
  const folder = temporaryDirectory(t)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'secrets.json')
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, 'PEM')
  const write = (text: string, mode = 0o600): void => writeFileSync(path, text, { mode })
  write(JSON.stringify({ user: 'u', password: 'p', ca }))
  t.deepEqual(await readEngineSecrets(path, {}), { user: 'u', password: 'p', ca: 'PEM' })
  const fromVariable = { DSTORE_ENGINE_PASSWORD: 'q@' }
  t.like(await readEngineSecrets(path, fromVariable), { user: 'u', password: 'q@' })
  for (const text of ['geheim', '[]', '{"passwort":"geheim"}', '{"user":1}']) {
    write(text)
    const error = await t.throwsAsync(readEngineSecrets(path, {}))
    t.notRegex(error?.message ?? '', /geheim/)
  }
  const open = join(folder, 'open.json')
  writeFileSync(open, '{}', { mode: 0o644 })
  await t.throwsAsync(readEngineSecrets(open, {}), { code: 'not-permitted' })
  await t.throwsAsync(readEngineSecrets(join(folder, 'none'), {}), { code: 'unreadable' })
  t.is(withUser('nats://h/s', { user: 'u', password: 'q@' }), 'nats://u:q%40@h/s')
  t.is(withUser('nats://w@h/s', { user: 'u', password: 'p' }), 'nats://w:p@h/s')
  t.throws(() => withUser('nats://h/s', { password: 'p' }), { code: 'usage' })
})
