import { test } from '../../serial.ts'
import { Client } from '../../../src/daemon/client/client.ts'
import { remoteNode } from '../../../src/daemon/client/remote-node.ts'
import { asDstoreError } from '../../../src/errors.ts'
import { AT } from '../fake-names.ts'
import { ask, serving } from '../serving.ts'

const HELD = { names: 2, size: 300, heldOtherwise: 100, counting: false }
const NOW = { ...HELD, removed: 5, lastRemovedAt: AT }

test('R007-293 rules are set, listed and removed by prefix, and for values without a name', async (t) => {
  const { daemon, node } = await serving(t)
  const client = (await Client.connect(daemon.socket))!
  t.teardown(() => client.close())
  const rules = remoteNode(client, 'standalone').rules
  const bounds = { maxSize: 50 * 2 ** 30, maxAgeMs: 30 * 86_400_000, unusedMs: 1, maxNames: 7 }
  // A prefix may have what a path could take for something else.
  for (const prefix of ['cache/', 'a b/é?%2F', '..', '']) {
    await rules.set(prefix, bounds)
    t.deepEqual(node.rules.bounds.get(prefix), bounds, prefix)
  }
  await rules.set('cache/', { maxNames: 3 })
  await rules.set(undefined, { unusedMs: 1000 })
  const [cache, ...others] = await rules.list()
  t.deepEqual(cache, { prefix: 'cache/', maxNames: 3, ...NOW })
  t.deepEqual(
    others.map(({ prefix }) => prefix),
    ['a b/é?%2F', '..', '', undefined],
  )
  for (const prefix of ['cache/', undefined, '']) await rules.remove(prefix)
  t.deepEqual([...node.rules.bounds.keys()], ['a b/é?%2F', '..'])
  const absent = await t.throwsAsync(rules.remove('cache/'))
  t.is(asDstoreError(absent).code, 'not-found')
  t.deepEqual(await client.rules.set('cache/', { maxSize: 1 }), {
    prefix: 'cache/',
    maxSize: 1,
    ...NOW,
  })
})

test('R007-293 a rule with a bound that does not exist or bounds nothing is refused', async (t) => {
  const { daemon, node } = await serving(t)
  const documents = [
    {},
    { maxsize: 1 },
    { maxSize: 0 },
    { maxSize: '1GiB' },
    { unusedMs: 0.5 },
    { maxAgeMs: -1 },
    { maxNames: null },
    { maxNames: 1, prefix: 'x' },
  ]
  for (const document of documents) {
    const body = JSON.stringify(document)
    const answer = await ask(daemon.socket, 'PUT', '/v1/rules/cache%2F', { body })
    t.is(answer.status, 400, body)
    t.is((JSON.parse(answer.body.toString()) as { code: string }).code, 'usage')
  }
  t.is(node.rules.bounds.size, 0)
})
