import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface Client {
  readonly head: (path: string) => Promise<Headers>
}

const { head } = await pageModule<Client>('api/client.js')

/** Serves the page's calls while `run` runs, and returns the methods of them. */
async function served(
  answer: (method: string) => Response,
  run: () => Promise<void>,
): Promise<string[]> {
  const methods: string[] = []
  const before = globalThis.fetch
  globalThis.fetch = (_path, { method = 'GET' } = {}) => {
    methods.push(method)
    return Promise.resolve(answer(method))
  }
  try {
    await run()
  } finally {
    globalThis.fetch = before
  }
  return methods
}

test('R013-62: what is refused to HEAD is told in the words of GET', async (t) => {
  const problem = { status: 404, code: 'not-found', detail: 'no such entry: a', hint: 'look' }
  const refuse = (method: string): Response =>
    new Response(method === 'HEAD' ? null : JSON.stringify(problem), { status: 404 })
  const methods = await served(refuse, async () => {
    const refused = await t.throwsAsync(head('/v1/trees/x/a'))
    t.like(refused, { message: problem.detail, hint: problem.hint, status: 404 })
  })
  t.deepEqual(methods, ['HEAD', 'GET'])
})

test('a head that is answered is asked for once', async (t) => {
  const answer = (): Response => new Response(null, { headers: { 'Dstore-Entry': 'file' } })
  const methods = await served(answer, async () => {
    const headers = await head('/v1/trees/x/a')
    t.is(headers.get('dstore-entry'), 'file')
  })
  t.deepEqual(methods, ['HEAD'])
})
