import { MIB } from '../../src/limits.ts'
import { test } from '../serial.ts'
import { PREFIX, openClient, withBucket } from './opened.ts'

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()

test('objects are written, read, measured and deleted', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    t.is(await objects.put('j/a', Buffer.from('0123456789')), 'written')
    t.is(await objects.put('j/a', Buffer.from('abcdefghij')), 'written')
    t.deepEqual([...stub.objects.keys()], [`${PREFIX}j/a`])
    t.is(text(await objects.get('j/a')), 'abcdefghij')
    t.is(await objects.size('j/a'), 10)
    t.is(await objects.get('j/b'), undefined)
    t.is(await objects.size('j/b'), undefined)
    await objects.put('empty', new Uint8Array(0))
    t.is((await objects.get('empty'))!.byteLength, 0)
    await objects.remove([])
    await objects.remove(['j/a'])
    await objects.remove(['j/a', 'empty'])
    t.is(stub.objects.size, 0)
  })
})

test('a range is cut at the end of its object', async (t) => {
  await withBucket(async ({ objects }) => {
    await objects.put('a', Buffer.from('0123456789'))
    const range = async (start: number, end: number): Promise<string | undefined> =>
      text(await objects.get('a', { range: { start, end } }))
    t.is(await range(0, 10), '0123456789')
    t.is(await range(3, 5), '34')
    t.is(await range(9, 100), '9')
    t.is(await range(10, 20), '')
    t.is(await range(4, 4), '')
    t.is(await objects.get('b', { range: { start: 4, end: 4 } }), undefined)
    t.is(await objects.get('b', { range: { start: 4, end: 5 } }), undefined)
  })
})

test('a list has every key after the one that it is asked for, by pages', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.state.pageSize = 7
    const keys = [...Array(20).keys()].map((n) => `v/${String(n).padStart(3, '0')}`)
    for (const key of ['u', ...keys, 'w']) stub.objects.set(PREFIX + key, Buffer.from(key))
    stub.objects.set('another/prefix/v/000', Buffer.from('x'))
    const found: string[] = []
    for (let after: string | undefined, more = true; more;) {
      const page = await objects.list('v/', after)
      t.true(page.objects.every(({ size }) => size === 5))
      found.push(...page.objects.map(({ key }) => key))
      after = found.at(-1)
      more = page.more
    }
    t.deepEqual(found, keys)
    t.deepEqual(await objects.list('v/', 'v/019'), { objects: [], more: false })
  })
})

test('many objects are deleted by a thousand', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const keys = [...Array(2_500).keys()].map((n) => `v/${n}`)
    for (const key of [...keys, 'kept']) stub.objects.set(PREFIX + key, new Uint8Array(1))
    await objects.remove(keys)
    t.deepEqual([...stub.objects.keys()], [`${PREFIX}kept`])
    t.is(stub.log.length, 3)
    t.is(objects.requests.deletes, 3)
  })
})

test('R011-3: of eight writers of one name one writes, and the others learn it', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const clients = await Promise.all([...Array(8).keys()].map(() => openClient(stub)))
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(
        clients.map((client, i) =>
          client.put(`j/${round}`, Buffer.from(`${i}`), { ifAbsent: true }),
        ),
      )
      t.is(outcomes.filter((outcome) => outcome === 'written').length, 1)
      const winner = `${outcomes.indexOf('written')}`
      t.is(text(await objects.get(`j/${round}`)), winner)
    }
    await Promise.all(clients.map((client) => client.close()))
  })
})

test('R011-3: a conflict with another write is tried again', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const conflict = { kind: 'refused', status: 409, code: 'ConditionalRequestConflict' } as const
    stub.inject(conflict, { times: 2 })
    t.is(await objects.put('a', Buffer.from('1'), { ifAbsent: true }), 'written')
    t.is(stub.log.length, 3)
  })
})

test('R011-3: who had no answer finds its own object', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.inject({ kind: 'lost' }, { operation: 'PutObject' })
    t.is(await objects.put('a', Buffer.from('1'), { ifAbsent: true }), 'exists')
    t.is(text(await objects.get('a')), '1')
  })
})

test('an upload in parts is one object when it is completed, and nothing before', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const upload = { key: 'v/1', id: await objects.beginUpload('v/1') }
    const bodies = [Buffer.alloc(5 * MIB, 1), Buffer.alloc(5 * MIB, 2), Buffer.alloc(10, 3)]
    const parts = await Promise.all(
      bodies.map((body, i) => objects.uploadPart(upload, i + 1, body)),
    )
    t.is(stub.objects.size, 0)
    t.deepEqual(await objects.unfinished('v/'), [upload])
    t.deepEqual(await objects.unfinished('w/'), [])
    t.is(await objects.completeUpload(upload, parts), 'written')
    t.deepEqual(await objects.unfinished(''), [])
    t.true(Buffer.concat(bodies).equals(stub.objects.get(`${PREFIX}v/1`)!))
  })
})

test('R011-3: an upload finds an object, also its own when the answer was lost', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const uploads = await Promise.all(
      [1, 2].map(async () => ({ key: 'v/1', id: await objects.beginUpload('v/1') })),
    )
    const parts = await Promise.all(
      uploads.map((upload, i) => objects.uploadPart(upload, 1, Buffer.from(`${i}`))),
    )
    stub.inject({ kind: 'lost' }, { operation: 'CompleteMultipartUpload' })
    t.is(await objects.completeUpload(uploads[0]!, [parts[0]!]), 'exists')
    t.is(await objects.completeUpload(uploads[1]!, [parts[1]!]), 'exists')
    t.is(text(await objects.get('v/1')), '0')
    await objects.abortUpload(uploads[1]!)
    await objects.abortUpload(uploads[1]!)
    t.is(stub.state.uploads.size, 0)
    const gone = objects.completeUpload({ key: 'v/2', id: uploads[1]!.id }, [parts[1]!])
    t.like(await t.throwsAsync(gone), { code: 'not-found' })
  })
})

test('requests are counted as a bucket bills them', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    await objects.put('a', Buffer.from('1'))
    await objects.put('a', Buffer.from('1'), { ifAbsent: true })
    await objects.list('')
    await objects.get('a')
    await objects.get('b')
    await objects.size('a')
    await objects.remove(['a'])
    stub.inject({ kind: 'refused', status: 503, code: 'SlowDown' })
    await objects.get('a')
    t.deepEqual(objects.requests, { writes: 3, reads: 5, deletes: 1, failed: 1 })
  })
})
