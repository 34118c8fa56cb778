/** Requests that take no bytes of a value, at a real Local whose cache is full. */
import { request } from 'node:http'
import { test } from '../serial.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { MIB } from '../../src/limits.ts'
import { network } from './nodes.ts'

test('R003-115 R003-116: twenty requests that leave, a 304 and a glance leave the cache of a Local as it was', async (t) => {
  const { global, locals } = await network(t, 1, { local: ['--cache', '11MiB'] })
  const local = locals[0]!
  const put = async (byte: number): Promise<string> =>
    (await global.run(['put', '-'], Buffer.alloc(10 * MIB, byte))).stdout.toString().trim()
  const [a, b] = [await put(1), await put(2)]
  t.is((await local.run(['get', a])).exit, 0)
  const before = (await local.status()).cache!
  const socketPath = stateDirectory(local.place.state).socket
  const path = `/v1/values/${b}`
  for (let i = 0; i < 20; i++) {
    const sent = request({ socketPath, path, headers: { host: 'localhost' } })
    sent.on('error', () => undefined)
    // It leaves as soon as its request is on its way.
    await new Promise((resolve) => {
      sent.on('close', resolve)
      sent.end(() => sent.destroy())
    })
  }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: 'localhost', 'if-none-match': `"${b}"` }
    const sent = request({ socketPath, path, headers }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on('error', reject)
    sent.end()
  })
  t.is(status, 304)
  const glance = await local.run(['get', b, '--range', '0-3'])
  t.is(`${glance.exit}${glance.stderr}`, '0')
  t.deepEqual(glance.stdout, Buffer.alloc(4, 2))
  const after = (await local.status()).cache!
  t.deepEqual({ ...after, hits: 0, misses: 0 }, { ...before, hits: 0, misses: 0 })
  t.is((await local.ask((client) => client.facts(a))).heldBytes, 10 * MIB)
  t.is((await local.run(['get', b])).exit, 0)
  t.is((await local.status()).cache!.evictions, before.evictions + 1)
})
