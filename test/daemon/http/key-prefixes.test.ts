/** Who may ask for the keys that begin with a text. */
import { test } from '../../serial.ts'
import { once } from '../../../src/bytes.ts'
import { linesOf, tokenServing } from './tokens.ts'

test('R007-330 R007-433: a token with a prefix cannot ask for keys that begin with a text', async (t) => {
  const { node, make, as } = await tokenServing(t)
  const bytes = Buffer.from('a value outside the prefix')
  const { key: secret } = await node.put({ bytes: once(bytes), size: bytes.byteLength })
  const call = as((await make({ role: 'writer', label: 'ci', prefix: 'ci/' })).token)
  for (const prefix of [secret.toString().slice(0, 16), secret.toHex().slice(0, 8), '', 'none']) {
    const answer = await call('GET', `/v1/keys?prefix=${prefix}&limit=5`)
    t.is(answer.status, 403)
    t.false(answer.body.includes(secret.toString()))
  }
  const { token } = await make({ role: 'reader', label: 'all' })
  const found = await as(token)('GET', `/v1/keys?prefix=${secret.toString().slice(0, 16)}`)
  t.deepEqual(
    linesOf<{ key: string }>(found).map(({ key }) => key),
    [secret.toString()],
  )
})
