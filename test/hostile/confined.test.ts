/** A token with a prefix that looks for what is outside it, by every route. */
import { test } from '../serial.ts'
import { request } from 'node:http'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { eventually } from '../eventually.ts'
import { PREFIX, everyCall, heldCalls, keyOf, view, world, type World } from './worlds.ts'

/** What a watch of a world has shown so far. */
async function watching(t: ExecutionContext, { port, make }: World): Promise<() => string> {
  const { token } = await make({ prefix: PREFIX, label: 'watcher' })
  const headers = { authorization: `Bearer ${token}` }
  const asked = request({ port, host: '127.0.0.1', path: '/v1/changes', headers, agent: false })
  asked.end()
  t.teardown(() => asked.destroy())
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  let text = ''
  response.on('data', (part: Buffer) => (text += part.toString()))
  response.on('error', () => undefined)
  return () => text
}

test(`R007-340 no answer to a confined admin depends on what is outside its prefix`, async (t) => {
  const [full, bare] = await Promise.all([world(t, true), world(t, false)])
  const watches = await Promise.all([watching(t, full), watching(t, bare)])
  const compare = async (method: string, path: string, sent: object = {}): Promise<void> => {
    const [a, b] = await Promise.all([full.call(method, path, sent), bare.call(method, path, sent)])
    t.is(view(a), view(b), `${method} ${path} ${JSON.stringify(sent)}`)
  }
  let calls = 0
  for (const { method, path, sent } of everyCall()) {
    await compare(method, path, sent)
    calls++
  }
  t.true(calls > 500, String(calls))
  // Under a hold of each node, in whose place the paths have a star.
  const holds = await Promise.all([full, bare].map(holdOf))
  const compareHeld = async (method: string, path: string, body: string | Uint8Array) => {
    const [a, b] = await Promise.all(
      [full, bare].map(({ call }, i) => call(method, path.replace('*', holds[i]!), { body })),
    )
    t.is(view(a!), view(b!), `${method} ${path}`)
  }
  for (const { method, path, body } of heldCalls()) await compareHeld(method, path, body)
  for (const name of ['shared', 'unnamed', 'held', 'tree', 'moving', 'latest', 'mine', 'none']) {
    await compare('DELETE', `/v1/names/${encodeURIComponent(PREFIX + name)}`)
    await compare('GET', `/v1/values/${keyOf(name).toString()}/facts`)
  }
  for (const name of ['other/secret', 'other/none', 'ci/builds', 'ci/other']) {
    await compare('DELETE', `/v1/names/${encodeURIComponent(name)}`)
  }
  await Promise.all([full, bare].map(({ node }) => node.index.unbind(`${PREFIX}soon`)))
  const [seen, other] = watches.map((shown) => () => events(shown()))
  await eventually((saw) => Promise.resolve(saw(seen!()).includes('builds/soon')))
  await eventually((saw) => Promise.resolve(saw(other!()).includes('builds/soon')))
  t.is(seen!(), other!())
})

test('R007-325 no call of a reader, with a prefix or without, makes a change', async (t) => {
  const { node, make, call, callWith } = await world(t, true)
  const plain = await make({ label: 'reader' })
  const confined = await make({ label: 'confined-reader', prefix: PREFIX })
  // Of an admin, so that there is one to be misused.
  const hold = await holdOf({ call })
  const seq = async (): Promise<unknown> => (await node.status()).store?.seq
  const before = await seq()
  let refused = 0
  for (const { token } of [plain, confined]) {
    const reader = callWith(token)
    const steps = [
      ...[...everyCall()].filter(({ method }) => method !== 'GET' && method !== 'HEAD'),
      ...[...heldCalls()].map(({ method, path, body }) => {
        return { method, path: path.replace('*', hold), sent: { body } }
      }),
      ...[
        '/v1/names/ci%2Fbuilds%2Fmoving',
        `/v1/values/${keyOf('alone').toString()}`,
        '/v1/tokens/confined',
        `/v1/holds/${hold}`,
      ].map((path) => ({ method: 'DELETE', path, sent: {} })),
    ]
    for (const { method, path, sent } of steps) {
      const { status } = await reader(method, path, sent)
      if (status === 403) refused++
      else {
        // A session of its own rights changes nothing that lasts.
        const may = /^\/v1\/(facts|values\/[^/]+\/prefetch|session)/
        t.regex(path, may, `${method} ${path}: ${status}`)
      }
    }
  }
  t.true(refused > 500, String(refused))
  t.is(await seq(), before)
  t.is((await call('GET', '/v1/names')).status, 200, 'the token that a reader tried to revoke')
})

const holdOf = async ({ call }: Pick<World, 'call'>): Promise<string> => {
  const { body } = await call('POST', '/v1/holds')
  return (JSON.parse(String(body)) as { hold: string }).hold
}

/** The events of a watch, without their positions. */
const events = (text: string): string =>
  [...text.matchAll(/^data: (.*)$/gm)]
    .map(([, line]) => line!.replaceAll(/"(position|seq)":("[^"]*"|\d+),?/g, ''))
    .join('\n')
