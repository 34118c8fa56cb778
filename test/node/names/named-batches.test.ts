import { createHash } from 'node:crypto'
import { test } from '../../serial.ts'
import type { DstoreError } from '../../../src/errors.ts'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { BATCH_ITEMS, INLINE_VALUE_BYTES, NAME_BYTES } from '../../../src/limits.ts'
import type { NamedValue, Node, PutOutcome } from '../../../src/node/node.ts'
import { Nodes, once, read } from '../nodes.ts'

const textOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const digestOf = (value: Uint8Array): string =>
  digestName('sha2-256', createHash('sha256').update(value).digest())

const said = (outcomes: readonly PutOutcome[]): string[] =>
  outcomes.map((one) => ('error' in one ? one.error.code : one.existed ? 'existed' : 'new'))

const tag = { kind: 'tag' } as const

async function eachOutcome(node: Node, seed: string): Promise<string[]> {
  const value = textOf(`${seed} value`)
  const other = textOf(`${seed} other`)
  await node.put({ bytes: once(value) }, { name: `${seed}/taken` })
  const items: NamedValue[] = [
    { value: other, name: `${seed}/new` },
    { value: other, name: `${seed}/taken` },
    { value, name: `${seed}/taken` },
    { value, name: 'a\nb' },
    { value: other, name: digestOf(other) },
    { value: other, name: digestOf(value) },
    { value, name: digestOf(value), naming: tag },
    { value: textOf(`${seed} plain`) },
    { value, name: `${seed}/tag`, naming: tag },
    { value: other, name: `${seed}/tag`, naming: { ...tag, expiresMs: 60_000 } },
  ]
  const outcomes = await node.putNamed(items)
  const names = [`${seed}/new`, `${seed}/tag`, digestOf(other)]
  for (const name of names) {
    // What this node has just put it reads itself.
    const bound = await node.index.lookup(name)
    if (bound === undefined) throw new Error(`${name} is not bound`)
    const bytes = await read(node, bound.key)
    if (Buffer.compare(bytes, other) !== 0) throw new Error(`${name} has other bytes`)
  }
  return said(outcomes)
}

const OUTCOMES = 'new conflict existed usage existed usage usage new existed existed'.split(' ')

test('R004-167: each value of a batch has its name and its outcome, at Global and at a Local', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global({ store: 'disk' })
  t.deepEqual(await eachOutcome(global, 'global'), OUTCOMES)
  const local = await nodes.local(global)
  t.deepEqual(await eachOutcome(local, 'local'), OUTCOMES)
  t.deepEqual(await local.putNamed([]), [])
  const large = [{ value: new Uint8Array(INLINE_VALUE_BYTES + 1), name: 'large' }]
  await t.throwsAsync(global.putNamed(large), { instanceOf: RangeError })
  await t.throwsAsync(local.putNamed(large), { instanceOf: RangeError })
})

test('R004-167: a batch of the longest names, of which each fails, fits into its messages', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const names = Array.from({ length: BATCH_ITEMS + 1 }, (_, i) => `${i}`.padEnd(NAME_BYTES, 'n'))
  const put = (text: string, as: Partial<NamedValue> = {}): Promise<PutOutcome[]> =>
    local.putNamed(names.map((name, i) => ({ value: textOf(`${text} ${i}`), name, ...as })))
  t.deepEqual([...new Set(said(await put('first', { naming: tag })))], ['new'])
  // Such an outcome states the name twice: in its message and in its hint.
  t.deepEqual([...new Set(said(await put('second')))], ['conflict'])
  const full = Array.from({ length: 80 }, (_, i) => ({
    value: new Uint8Array(INLINE_VALUE_BYTES).fill(i),
    name: `full/${i}`,
  }))
  t.deepEqual([...new Set(said(await local.putNamed(full)))], ['new'])
  t.is((await global.status()).store?.values, BATCH_ITEMS + 1 + 80)
})

test('R004-167: a Local that read a tag before sees where its batch moved it', async (t) => {
  const nodes = new Nodes(t)
  const global = await nodes.global()
  const local = await nodes.local(global)
  const put = (text: string): Promise<PutOutcome[]> =>
    local.putNamed([{ value: textOf(text), name: 'moving', naming: tag }])
  await put('one')
  await local.index.lookup('moving')
  await put('two')
  const bound = await local.index.lookup('moving')
  t.deepEqual(await read(local, bound!.key), textOf('two'))
  await global.close()
  const away = await t.throwsAsync<DstoreError>(
    local.putNamed([{ value: textOf('x'), name: 'n' }], { timeoutMs: 300 }),
  )
  t.regex(away.code, /^(timeout|unreachable)$/)
})
