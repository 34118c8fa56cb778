/** Web streams in and out: a handler that stores request bodies and answers with values. */
import { createNode, DstoreError } from '@dstore/dstore'

/**
 * Called with a `Request` by a web server, a worker or a test. Streams both ways.
 * @param {import('@dstore/dstore').Dstore} dstore
 * @param {Request} request
 */
async function handle(dstore, request) {
  if (request.method === 'POST' && request.body !== null) {
    const { key } = await dstore.put(request.body, { signal: request.signal })
    return new Response(`/${key.toString()}`, { status: 201 })
  }
  try {
    const keyOrName = new URL(request.url).pathname.slice(1)
    const value = await dstore.get(keyOrName, { signal: request.signal })
    return new Response(value.stream(), {
      headers: { ETag: `"${value.key.toString()}"`, 'Content-Length': `${value.size}` },
    })
  } catch (error) {
    if (error instanceof DstoreError) {
      return new Response(error.message, { status: error.kind.status })
    }
    throw error
  }
}

const dstore = await createNode()

const body = 'x'.repeat(100_000)
const post = new Request('http://localhost/', { method: 'POST', body })
const path = await (await handle(dstore, post)).text()

const answer = await handle(dstore, new Request(`http://localhost${path}`))
console.log(answer.status, (await answer.text()) === body)

const missing = await handle(dstore, new Request('http://localhost/no/such/name'))
console.log(missing.status, await missing.text())
await dstore.close()

/* prints
200 true
404 no such name: no/such/name
*/
