/** The least that Node serves: one buffer of 1 KiB, by `node:http`. Prints its port. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const body = Buffer.alloc(1024, 7)
const server = createServer((_, response) => {
  response.writeHead(200, { 'Content-Length': body.length })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
process.on('disconnect', () => process.exit())
