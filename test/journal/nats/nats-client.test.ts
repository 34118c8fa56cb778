/** What the client does where servers refuse its user for a while. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { parseEnginePlace } from '../../../src/journal/engine/place.ts'
import { connectNats, loadNats } from '../../../src/journal/nats/client.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'

const INFO = { server_id: 'S', version: '2.15.1', headers: true, max_payload: 1 << 20 }

test('R009-71 NATS: a user whom the servers refuse for a while needs no restart', async (t) => {
  let [isRefused, accepted, refused] = [false, 0, 0]
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.write(`INFO ${JSON.stringify(INFO)}\r\n`)
    socket.on('data', (bytes) => {
      if (!bytes.toString('latin1').includes('PING\r\n')) return
      if (isRefused) {
        refused++
        socket.end("-ERR 'Authorization Violation'\r\n")
        return
      }
      accepted++
      socket.write('PONG\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const place = parseEnginePlace(`nats://127.0.0.1:${port}/set`, ['nats'], 4222)
  const user = { user: 'member', password: 'of-yesterday' }
  const connection = await connectNats({ nats: await loadNats(), place, user })
  t.teardown(async () => {
    await connection.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  isRefused = true
  for (const socket of sockets) socket.destroy()
  t.true(await eventually(async () => refused >= 4))
  isRefused = false
  const before = accepted
  t.true(await eventually(async () => accepted > before))
  t.false(connection.isClosed())
})
