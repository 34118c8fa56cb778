import { copyFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { startS3Stub } from '../bucket/s3-stub.ts'
import type { Place } from '../cli/command.ts'
import { ArchivedPlace } from '../e2e/archive/archived.ts'
import { eventually } from '../eventually.ts'
import { freePort } from '../free-port.ts'
import { test } from '../serial.ts'
import { blocksOf } from './page.ts'

/** The commands of the page that are typed at a machine, in order. */
const typedAt = (name: string): string[] =>
  blocksOf('docs/archive.md').flatMap(({ steps }) =>
    steps.filter(({ machine }) => machine === name).map(({ command }) => command),
  )

test('R011-85 the restore drill of the documentation works, as it is written', async (t) => {
  t.timeout(240_000)
  const stub = await startS3Stub()
  t.teardown(() => stub.close())
  const [old, next] = [new ArchivedPlace(t), new ArchivedPlace(t)]
  const port = await freePort()
  const run = async (place: Place, command: string) => {
    const [program, ...words] = command.split(' ')
    t.is(program, 'dstore', command)
    const args = words.map((word) =>
      word
        .replace('/etc/dstore/archive.key', place.file('archive.key'))
        .replace('/ip4/0.0.0.0/tcp/4480', `/ip4/127.0.0.1/tcp/${port}`),
    )
    const url = command.includes('--archive ') ? [`--archive-endpoint=${stub.endpoint}`] : []
    const done = await place.run([...args, ...url])
    t.is(done.exit, 0, `${command}: ${done.stderr}`)
    return done
  }
  const [setUp] = typedAt('old').filter((command) => command.includes('--archive-key'))
  await run(old, setUp!)
  const value = randomBytes(100_000)
  await old.run(['put', '-', '--name', 'drill'], { input: value })
  await eventually(async () => {
    const { stdout } = await old.run(['status', '--json'])
    const { archive } = JSON.parse(stdout.toString()) as {
      archive: { snapshot?: object; lagEntries: number }
    }
    return archive.snapshot !== undefined && archive.lagEntries === 0
  })
  t.is((await old.run(['stop'])).exit, 0)
  copyFileSync(old.file('archive.key'), next.file('archive.key'))
  const drill = typedAt('new')
  t.true(drill.length >= 4 && drill[0]!.includes('--take-over'))
  for (const command of drill) await run(next, command)
  t.deepEqual((await next.run(['get', 'drill'])).stdout, value)
})
