import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from '../../serial.ts'
import { ArchivedPlace, Running, flags, stubFor } from './archived.ts'

test('R011-85 R011-87 a Global that stopped in order goes on elsewhere, with identity and tokens', async (t) => {
  const stub = await stubFor(t)
  const [here, there] = [new ArchivedPlace(t), new ArchivedPlace(t)]
  const key = here.file('archive.key')
  const role = ['--global', '--log-level=warn']
  const refused = await here.run(['daemon', ...role, ...flags(stub)])
  t.is(refused.exit, 2)
  t.regex(refused.stderr, /key file.*\nhint: give --archive-key FILE/)
  const old = await new Running(t, here, [...role, ...flags(stub, `--archive-key=${key}`)]).ready()
  t.regex(old.stderr, /made the key file of the archive: keep a copy off this machine/)
  t.is(statSync(key).mode & 0o777, 0o600)
  const big = randomBytes(200_000)
  await old.run(['put', '-', '--name', 'a/big'], big)
  await old.run(['put', '-', '--name', 'a/small'], 'small')
  await old.run(['put', '-', '--name', 'a/gone'], 'gone')
  const { token } = await old.ask((client) => client.tokens.add({ label: 'ci' }))
  await old.ask((client) => client.tokens.add({ label: 'revoked' }))
  t.is((await old.run(['rm', 'a/gone'])).exit, 0)
  await old.ask((client) => client.tokens.remove('revoked'))
  await old.restorable()
  const { peerId } = await old.ask((client) => client.status())
  const status = await old.run(['status'])
  t.regex(status.stdout.toString(), /archive +s3:\/\/company\/dstore\/main: current, lacks nothing/)
  const metrics = await old.metrics()
  t.regex(metrics, /dstore_archive_lag_bytes 0\n/)
  t.regex(metrics, /dstore_archive_requests_total\{kind="writes"\} [1-9]/)
  t.regex(metrics, /dstore_archive_state\{state="current"\} 1\n/)
  t.regex(metrics, /dstore_archive_restorable 1\n/)
  const doctor = await old.run(['doctor'])
  t.regex(doctor.stdout.toString(), /s3:\/\/company\/dstore\/main: lacks/)
  t.is((await old.stop()).exit, 143)

  // A store that was archived does not go on without, whatever the settings say.
  rmSync(join(here.state, 'config.json'))
  const silent = await here.run(['daemon', ...role])
  t.is(silent.exit, 9)
  t.regex(
    silent.stderr,
    /has an archive, s3:\/\/company\/dstore\/main, and none was named\nhint: .*--archive none/,
  )

  // Without --take-over nothing is restored; without the key file, nothing of a Global.
  const plain = await there.run(['daemon', ...role, ...flags(stub, `--archive-key=${key}`)])
  t.is(plain.exit, 4)
  t.regex(plain.stderr, /--take-over/)
  rmSync(there.state, { recursive: true, force: true })
  const began = performance.now()
  const next = await new Running(t, there, [
    ...role,
    ...flags(stub, `--archive-key=${key}`, '--take-over'),
  ]).ready()
  t.true(performance.now() - began < 10_000)
  t.is((await next.ask((client) => client.status())).peerId, peerId)
  const get = await there.run(['get', 'a/small'])
  t.is(get.stdout.toString(), 'small')
  t.is((await there.run(['get', 'a/gone'])).exit, 3)
  const again = await there.run(['get', 'a/big'])
  t.deepEqual(again.stdout, big)
  const tokens = readFileSync(join(there.state, 'tokens.json'), 'utf8')
  t.regex(tokens, /"ci"/)
  t.notRegex(tokens, /revoked/)
  t.false(tokens.includes(token))
  await next.stop()

  // The old one has parted from its archive.
  const back = await here.run(['daemon', ...role, ...flags(stub, `--archive-key=${key}`)])
  t.is(back.exit, 4)
})
