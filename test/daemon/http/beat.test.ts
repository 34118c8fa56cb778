/** The sign of life of calls that have nothing else to show. */
import { test } from '../../serial.ts'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../../../src/daemon/client/client.ts'
import { serving } from '../serving.ts'

test('R007-118 R007-35: a call that has nothing to show sends 102 to who asks for it, and the client waits', async (t) => {
  const { daemon, node } = await serving(t)
  const client = (await Client.connect(daemon.socket, { timeoutMs: 10 }))!
  t.teardown(() => client.close())
  const { key } = await client.putBytes(value())
  const { key: other } = await client.putBytes(value(5))
  // Longer than the client waits for a silent daemon.
  node.gate = sleep(6500)
  const counted = async (headers: Readonly<Record<string, string>>): Promise<number> => {
    let count = 0
    const path = `/v1/values/${key}`
    await new Promise<void>((resolve, reject) => {
      const sent = request({ socketPath: daemon.socket, path, headers })
      sent.on('information', ({ statusCode }) => (count += statusCode === 102 ? 1 : 0))
      sent.on('response', (response) => response.resume().on('end', resolve))
      sent.on('error', reject)
      sent.end()
    })
    return count
  }
  const reading = client.get(key).then(async ({ bytes }) => {
    let length = 0
    for await (const piece of bytes) length += piece.byteLength
    return length
  })
  // Global may read the whole value before it binds the name.
  const bind = node.bind.bind(node)
  node.bind = async (...args) => {
    await node.gate
    return bind(...args)
  }
  const binding = client.bind('slow', key)
  const remove = node.remove.bind(node)
  node.remove = async (...args) => {
    await node.gate
    return remove(...args)
  }
  const removing = client.remove(other)
  const [asked, unknown, none, length, bound, removed] = await Promise.all([
    counted({ 'Dstore-Beat': '102' }),
    counted({ 'Dstore-Beat': 'yes' }),
    counted({}),
    reading,
    binding,
    removing,
  ])
  t.true(asked >= 2, `${asked}`)
  t.deepEqual([unknown, none, length, bound.name], [0, 0, 10, 'slow'])
  t.is(removed.freedBytes, 5)
})

async function* value(length = 10): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(length)
}
