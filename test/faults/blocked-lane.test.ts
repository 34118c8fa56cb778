/** A firewall that lets only the port of Global through, and the flag that names the other port. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { Place } from '../cli/command.ts'
import { network, shared, type Daemon } from '../e2e/nodes.ts'
import { Relay } from '../e2e/relay.ts'
import { freePort } from '../free-port.ts'

/** Global is reached at this address through a relay, and nothing behind it gives a lane. */
const OUTSIDE = '127.0.0.2'

const fixture = shared(async (owner) => {
  const port = await freePort()
  let tried = 0
  let waiting = 0
  const silent = net.createServer((socket) => {
    tried++
    waiting++
    socket.once('close', () => waiting--)
    socket.on('error', () => {})
    owner.teardown(() => socket.destroy())
  })
  silent.listen(port, OUTSIDE)
  await once(silent, 'listening')
  owner.teardown(() => silent.close())
  const { global, locals } = await network(owner, 1, {
    global: ['--lane-port', String(port)],
    route: async (address) =>
      (await Relay.before(owner, address, { at: { host: OUTSIDE, port: 0 } })).address,
  })
  return { global, local: locals[0]!, port, tried: () => tried, waiting: () => waiting }
})

test('R003-121 where a firewall drops lanes, neither the first get nor the first put waits for one', async (t) => {
  const { global, local, tried, waiting } = await fixture()
  const value = Buffer.alloc(3 << 20, 'dropped')
  const put = async (node: Daemon, bytes: Buffer): Promise<string> =>
    (await node.run(['put', '-'], bytes)).stdout.toString().trim()
  const key = await put(global, value)
  await eventually(() => tried() > 0)
  const began = performance.now()
  const [got, took, waited] = await local.ask(async (client) => {
    const { bytes } = await client.get(key)
    let firstAfter: number | undefined
    let lanes = 0
    let count = 0
    for await (const piece of bytes) {
      if (firstAfter === undefined) lanes = waiting()
      firstAfter ??= performance.now() - began
      count += piece.byteLength
    }
    return [count, firstAfter!, lanes]
  })
  t.is(got, value.byteLength)
  t.log(`${Math.round(took)} ms`)
  // A busy machine may need as long as a handshake: then one goes on beside the bytes.
  t.true(took < 4000 || waited > 0, `${took} ms: less than the handshake of a lane may take`)
  const back = await put(local, value.subarray(1))
  t.is((await global.run(['has', back])).exit, 0)
})

test('R007-122 R007-123 the port of lanes is shown, saved, and refused where it is taken', async (t) => {
  const { global, local, port } = await fixture()
  t.is((await global.status()).lanePort, port)
  t.is((await local.status()).lanePort, undefined)
  t.regex((await global.run(['status'])).stdout.toString(), new RegExp(`^bulk port +${port}$`, 'm'))
  const config = readFileSync(join(global.place.state, 'config.json'), 'utf8')
  t.is((JSON.parse(config) as { lanePort?: number }).lanePort, port)
  const other = new Place(t)
  const refused = await other.run(['start', '--global', '--lane-port', String(port)])
  t.is(refused.exit, 1)
  t.regex(refused.stderr, new RegExp(`lanes cannot listen on 127.0.0.1 port ${port}`))
  t.regex(refused.stderr, /--lane-port/)
  const wrong = await other.run(['start', '--global', '--lane-port', '65536'])
  t.is(wrong.exit, 2)
})
