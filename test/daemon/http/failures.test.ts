/** Failures in the middle of a body: what came before them arrives. */
import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import { pattern } from '../../hash/sizes.ts'
import { ask, serving } from '../serving.ts'

async function put(socket: string, body: Uint8Array): Promise<string> {
  const answer = await ask(socket, 'POST', '/v1/values', { body })
  return (JSON.parse(answer.body.toString()) as { key: string }).key
}

test('R007-107 every line and byte before a failure is sent before it', async (t) => {
  const { daemon, node } = await serving(t)
  const keys: string[] = []
  for (let i = 0; i < 5; i++) keys.push(await put(daemon.socket, pattern(1000 + i)))
  const large = await put(daemon.socket, pattern(50_000))
  node.fault = new DstoreError('unreachable', 'Global has gone')
  node.failAfterBytes = 5
  for (const [headers, whole] of [
    [{ te: 'trailers' }, true],
    [{}, false],
  ] as const) {
    for (let i = 0; i < 20; i++) {
      const answer = await ask(daemon.socket, 'GET', '/v1/keys', { headers })
      const found = answer.body.toString().split('\n').slice(0, -1)
      t.deepEqual(
        found.map((line) => (JSON.parse(line) as { key: string }).key),
        keys,
      )
      t.is(answer.whole, whole)
    }
  }
  node.failAfterBytes = 20_000
  const cut = await ask(daemon.socket, 'GET', `/v1/values/${large}`)
  t.is(cut.body.byteLength, 20_000)
  t.false(cut.whole)
})
