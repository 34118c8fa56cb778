import test from 'ava'
import { network } from './nodes.ts'

const LOCALS = 10

test.serial(
  'R004-20: rm returns, and from that moment none of ten Locals gives the value',
  async (t) => {
    const { global, locals } = await network(t, LOCALS)
    const key = (await locals[0]!.run(['put', '-'], 'shared by all')).stdout.toString().trim()
    const gets = await Promise.all(locals.map((local) => local.run(['get', key])))
    for (const { stdout } of gets) t.is(stdout.toString(), 'shared by all')

    const removed = await global.run(['rm', '--timeout', '60s', key])
    t.is(removed.exit, 0, removed.stderr)
    const after = await Promise.all(locals.map((local) => local.run(['get', key])))
    t.deepEqual(
      after.map(({ exit }) => exit),
      locals.map(() => 3),
    )
  },
)

test.serial(
  'R004-21: a Local that is stopped is named, and lets go before it answers again',
  async (t) => {
    const { global, locals } = await network(t, 3)
    const key = (await global.run(['put', '-'], 'shared by all')).stdout.toString().trim()
    for (const local of locals) t.is((await local.run(['get', key])).exit, 0)
    const stopped = locals[1]!
    const { peerId } = JSON.parse((await stopped.run(['status', '--json'])).stdout.toString()) as {
      peerId: string
    }
    await stopped.signal('SIGSTOP')
    const began = Date.now()
    const partial = await global.run(['rm', key])
    await stopped.signal('SIGCONT')
    t.is(partial.exit, 8)
    t.true(partial.stdout.toString().includes(peerId), 'it is named')
    t.true(Date.now() - began < 30_000)
    t.is((await stopped.run(['get', key])).exit, 3)
    const again = await global.run(['rm', '--timeout', '60s', key])
    t.is(again.exit, 0, 'asked again, it is complete')
  },
)
