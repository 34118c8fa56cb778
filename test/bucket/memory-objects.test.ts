import { asDstoreError } from '../../src/errors.ts'
import { test } from '../serial.ts'
import { text } from '../journal/tools.ts'
import { type Fate, MemoryBucket } from './memory-objects.ts'

test('objects in memory: conditions, ranges and pages', async (t) => {
  const bucket = new MemoryBucket()
  const a = bucket.client('a', 'one/')
  const b = bucket.client('b', 'one/')
  t.is(await a.put('k', text('hello'), { ifAbsent: true }), 'written')
  t.is(await b.put('k', text('other'), { ifAbsent: true }), 'exists')
  t.deepEqual(await b.get('k'), text('hello'))
  t.deepEqual(await b.get('k', { range: { start: 1, end: 3 } }), text('el'))
  t.deepEqual(await b.get('k', { range: { start: 3, end: 99 } }), text('lo'))
  t.is(await b.size('k'), 5)
  t.is(await b.get('none'), undefined)
  for (let i = 0; i < 1001; i++) await a.put(`p/${`${i}`.padStart(4, '0')}`, text('x'))
  const page = await b.list('p/')
  t.deepEqual([page.objects.length, page.more, page.objects[999]!.key], [1000, true, 'p/0999'])
  const { objects, more } = await b.list('p/', 'p/0999')
  t.deepEqual([objects, more], [[{ key: 'p/1000', size: 1 }], false])
  await a.remove(['k', 'none'])
  t.is(await b.size('k'), undefined)
  t.deepEqual(await bucket.client('c', 'two/').list(''), { objects: [], more: false })
  const wins = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      bucket.client(`${i}`).put('race', text(`${i}`), { ifAbsent: true }),
    ),
  )
  t.is(wins.filter((outcome) => outcome === 'written').length, 1)
})

test('objects in memory: what each fate does to a put', async (t) => {
  const bucket = new MemoryBucket()
  const client = bucket.client()
  let fate: Fate = 'whole'
  bucket.onRequest = () => fate
  const outcomes: unknown[] = []
  for (fate of ['whole', 'lost', 'late', 'unanswered', 'repeated'] as const) {
    const outcome = await client
      .put(fate, text('x'), { ifAbsent: true })
      .catch((error: unknown) => asDstoreError(error).code)
    outcomes.push([fate, outcome, bucket.objects.has(fate)])
  }
  t.deepEqual(outcomes, [
    ['whole', 'written', true],
    ['lost', 'unreachable', false],
    ['late', 'unreachable', false],
    ['unanswered', 'unreachable', true],
    ['repeated', 'exists', true],
  ])
  bucket.arrive()
  t.true(bucket.objects.has('late'))
  fate = 'silent'
  const controller = new AbortController()
  const silent = client.put('s', text('x'), { signal: controller.signal })
  await new Promise(setImmediate)
  t.true(bucket.objects.has('s'))
  controller.abort(new Error('enough'))
  await t.throwsAsync(silent, { message: 'enough' })
  const cut = client.get('s')
  await client.close()
  await t.throwsAsync(cut, { code: 'unreachable' })
  await t.throwsAsync(client.get('s'), { code: 'unreachable' })
})

test('objects in memory: uploads in parts', async (t) => {
  const bucket = new MemoryBucket()
  bucket.leastPartBytes = 2
  const client = bucket.client('a', 'p/')
  const begin = async (): Promise<{ id: string; key: string }> => ({
    id: await client.beginUpload('k'),
    key: 'k',
  })
  const upload = await begin()
  t.deepEqual(await client.unfinished(''), [upload])
  const one = await client.uploadPart(upload, 1, text('he'))
  const two = await client.uploadPart(upload, 2, text('l'))
  const three = await client.uploadPart(upload, 3, text('o'))
  await t.throwsAsync(client.completeUpload(upload, [one, two, three]), { code: 'not-found' })
  await t.throwsAsync(client.completeUpload(upload, [two, one]), { code: 'not-found' })
  t.is(await client.completeUpload(upload, [one, two]), 'written')
  t.is(await client.completeUpload(upload, [one, two]), 'exists')
  t.deepEqual(await client.get('k'), text('hel'))
  t.deepEqual(await client.unfinished(''), [])
  const again = await begin()
  t.is(await client.completeUpload(again, [await client.uploadPart(again, 1, text('x'))]), 'exists')
  await client.abortUpload(again)
  t.is(bucket.uploads.size, 0)
  t.deepEqual(await client.get('k'), text('hel'))
})
