/** What the bucket and the network do wrong, with the real client. */
import type { DstoreError, ErrorCode } from '../../src/errors.ts'
import { ARCHIVE_ANSWER_BYTES, ARCHIVE_WHOLE_BYTES } from '../../src/limits.ts'
import { test } from '../serial.ts'
import { eventually } from '../eventually.ts'
import { PLACE, PREFIX, withBucket } from './opened.ts'
import type { S3Answer } from './s3-state.ts'

/** The fault that a call ends with. Its message must be one line about the place. */
async function faultOf(call: Promise<unknown>): Promise<DstoreError> {
  try {
    await call
  } catch (error) {
    const fault = error as DstoreError
    if (fault.name !== 'DstoreError') throw error
    if (fault.code !== 'cancelled' && !/^s3:\/\/buck\/some\/prefix: [^\n]+$/.test(fault.message)) {
      throw new Error(`a message of another form: ${fault.message}`, { cause: error })
    }
    return fault
  }
  throw new Error('it succeeded')
}

const REFUSALS: readonly (readonly [number, string, ErrorCode, RegExp])[] = [
  [404, 'NoSuchBucket', 'not-found', /no such bucket \(NoSuchBucket\)/],
  [403, 'AccessDenied', 'not-permitted', /refuses these credentials/],
  [403, 'InvalidAccessKeyId', 'not-permitted', /not valid/],
  [403, 'SignatureDoesNotMatch', 'not-permitted', /not valid/],
  [400, 'ExpiredToken', 'not-permitted', /not valid/],
  [403, 'RequestTimeTooSkewed', 'not-permitted', /clock/],
  [403, 'SomethingNew', 'not-permitted', /SomethingNew/],
  [507, 'XMinioStorageFull', 'no-space', /full/],
  [507, 'Whatever', 'no-space', /full/],
  [403, 'QuotaExceeded', 'no-space', /full/],
  [400, 'EntityTooLarge', 'too-large', /size/],
  [501, 'NotImplemented', 'incompatible', /lacks/],
  [301, 'PermanentRedirect', 'usage', /region/],
  [400, 'AuthorizationHeaderMalformed', 'usage', /region/],
  [400, 'InvalidArgument', 'protocol', /status 400.*InvalidArgument/],
  [400, 'Injected\n\x1b[2J line', 'protocol', /status 400\)$/],
]

test('R011-6: each refusal has a code and names place and fault', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    for (const [status, code, expected, message] of REFUSALS) {
      stub.inject({ kind: 'refused', status, code }, { times: 100 })
      for (const call of [
        objects.put('a', Buffer.from('1'), { ifAbsent: true }),
        objects.get('a'),
        objects.list(''),
        objects.remove(['a', 'b']),
        objects.beginUpload('v/1'),
        objects.unfinished(''),
      ]) {
        const fault = await faultOf(call)
        t.is(fault.code, expected, code)
        t.regex(fault.message, message)
      }
      stub.heal()
    }
    t.true(
      stub.log.length < 2 * 6 * REFUSALS.length,
      'what is certain is not asked again and again',
    )
  })
})

test('R011-6: a bucket that asks for fewer requests is asked later, and three times', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.inject({ kind: 'refused', status: 503, code: 'SlowDown' }, { times: 2 })
    t.is(await objects.put('a', Buffer.from('1')), 'written')
    t.is(stub.log.length, 3)
    stub.inject({ kind: 'refused', status: 500, code: 'InternalError' }, { times: 100 })
    const fault = await faultOf(objects.size('a'))
    t.is(fault.code, 'unreachable')
    t.is(stub.log.length, 6)
  })
})

test('R011-6: what stands before a server that is away answers with a page', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const page = { status: 502, body: '<!DOCTYPE html><html><body>Bad gateway</body></html>' }
    stub.inject({ kind: 'answer', answer: page }, { times: 100 })
    t.is((await faultOf(objects.list(''))).code, 'unreachable')
  })
})

test('R011-6: some of many objects that are not deleted are a fault', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const of = (code: string): S3Answer => ({
      status: 200,
      body: `<DeleteResult><Error><Key>a</Key><Code>${code}</Code></Error></DeleteResult>`,
    })
    stub.inject({ kind: 'answer', answer: of('AccessDenied') })
    t.is((await faultOf(objects.remove(['a', 'b']))).code, 'not-permitted')
    stub.inject({ kind: 'answer', answer: of('NoSuchKey') })
    await t.notThrowsAsync(objects.remove(['a', 'b']))
  })
})

test('R011-6: a server that is away is unreachable, until it is back', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    await objects.put('a', Buffer.from('1'))
    await stub.goAway()
    const fault = await faultOf(objects.get('a'))
    t.is(fault.code, 'unreachable')
    t.regex(fault.message, /refused \(ECONNREFUSED\)/)
    t.truthy(fault.hint)
    await stub.comeBack()
    t.is((await objects.get('a'))!.byteLength, 1)
  })
  const endpoint = 'http://nowhere.invalid'
  await withBucket(
    async ({ objects }) => {
      const fault = await faultOf(objects.get('a'))
      t.is(fault.code, 'unreachable')
      t.regex(fault.message, /name of the server/)
    },
    { endpoint },
  )
})

test('R011-7: a request without an answer ends in time, and is tried again', async (t) => {
  await withBucket(
    async ({ stub, objects }) => {
      stub.inject({ kind: 'answered-late', ms: 3_000 })
      t.is(await objects.put('a', Buffer.from('1'), { ifAbsent: true }), 'exists')
      stub.inject({ kind: 'late', ms: 3_000 }, { times: 100 })
      const fault = await faultOf(objects.list(''))
      t.is(fault.code, 'unreachable')
      t.regex(fault.message, /no answer in time/)
    },
    { requestMs: 500 },
  )
})

test('R011-7: a call ends at once when its signal is aborted, or the bucket is closed', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    stub.inject({ kind: 'late', ms: 60_000 }, { times: 2 })
    const controller = new AbortController()
    const aborted = faultOf(objects.get('a', { signal: controller.signal }))
    const closed = faultOf(objects.get('a'))
    await eventually(() => stub.log.length === 2)
    controller.abort()
    t.is((await aborted).code, 'cancelled')
    const already = objects.put('b', Buffer.from('1'), { signal: controller.signal })
    t.is((await faultOf(already)).code, 'cancelled')
    await objects.close()
    t.is((await closed).code, 'unreachable')
    t.is((await faultOf(objects.list(''))).code, 'unreachable')
    t.is(stub.log.length, 2)
  })
})

test('R011-5: an object whose answer ends early is read again', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const body = Buffer.alloc(300_000, 7)
    stub.objects.set(`${PREFIX}a`, body)
    stub.inject({ kind: 'cut', bytes: 100_000 }, { times: 2 })
    t.true(body.equals((await objects.get('a'))!))
    stub.inject({ kind: 'cut', bytes: 0 })
    t.is((await objects.get('a', { range: { start: 10, end: 20 } }))!.byteLength, 10)
    stub.inject({ kind: 'cut', bytes: 5 }, { times: 100 })
    t.is((await faultOf(objects.get('a'))).code, 'unreachable')
  })
})

const object = (body: Uint8Array, headers: Record<string, string> = {}): S3Answer => ({
  status: headers['content-range'] === undefined ? 200 : 206,
  headers: { etag: '"tag"', ...headers },
  body,
})

test('R011-5: an answer with other bytes than those that were asked for is refused', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const range = { start: 10, end: 20 }
    for (const answer of [
      object(Buffer.alloc(100)),
      object(Buffer.alloc(10)),
      object(Buffer.alloc(11), { 'content-range': 'bytes 10-20/100' }),
      object(Buffer.alloc(10), { 'content-range': 'bytes 11-20/100' }),
      object(Buffer.alloc(9), { 'content-range': 'bytes 10-18/100' }),
      object(Buffer.alloc(10), { 'content-range': 'bytes 10-19/15' }),
      object(Buffer.alloc(10), { 'content-range': 'bytes 10-19/*' }),
      object(Buffer.alloc(10), { 'content-range': 'lines' }),
    ]) {
      stub.inject({ kind: 'answer', answer }, { times: 1 })
      t.is((await faultOf(objects.get('a', { range }))).code, 'protocol', JSON.stringify(answer))
    }
    const length = { 'content-length': `${ARCHIVE_WHOLE_BYTES + 1}` }
    stub.inject({ kind: 'answer', answer: object(Buffer.from('x'), length) })
    t.regex((await faultOf(objects.get('a'))).message, /more than/)
  })
})

const list = (...contents: readonly string[]): string =>
  `<ListBucketResult>${contents.join('')}<IsTruncated>false</IsTruncated></ListBucketResult>`

const listed = (key: string, size = '1'): string =>
  `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`

test('R011-5: a list of other keys than those that were asked for is refused', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const key = (n: number): string => `${PREFIX}j/${String(n).padStart(5, '0')}`
    for (const body of [
      list(listed(key(2)), listed(key(1))),
      list(listed(key(1)), listed(key(1))),
      list(listed(key(0))),
      list(listed('another/j/00001')),
      list(listed(`${PREFIX}v/00001`)),
      list(listed(`${PREFIX}j/1${'0'.repeat(1_024)}`)),
      list(listed(key(1), '-1')),
      list(listed(key(1), '1e99')),
      list(listed(key(1), '9007199254740992')),
      list(listed(key(1))).replace(/<IsTruncated>.*IsTruncated>/, ''),
      list('<Contents><Size>1</Size></Contents>'),
      list(...[...Array(1_001).keys()].map((n) => listed(key(n + 1)))),
    ]) {
      stub.inject({ kind: 'answer', answer: { status: 200, body } })
      const fault = await faultOf(objects.list('j/', 'j/00000'))
      t.is(fault.code, 'protocol', body.slice(0, 300))
      stub.heal()
    }
    stub.inject({ kind: 'answer', answer: { status: 200, body: list(listed(key(1))) } })
    t.is((await objects.list('j/', 'j/00000')).objects.length, 1)
  })
})

test('R011-5: text that would take the parser memory or time is refused before it', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const entities =
      '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><r>&b;</r>'
    for (const body of [
      entities,
      '<!DOCTYPE a>'.repeat(100_000),
      '<a>'.repeat(200_000),
      '<'.repeat(1_000_000),
      '</'.repeat(1_000_000),
      '<a b="/>">'.repeat(100_000),
      '<?'.repeat(1_000_000),
      ' '.repeat(ARCHIVE_ANSWER_BYTES + 1),
      '',
      'no XML',
      '<ListBucketResult>',
    ]) {
      const begun = performance.now()
      stub.inject({ kind: 'answer', answer: { status: 200, body } }, { times: 100 })
      t.is((await faultOf(objects.list('')))?.code, 'protocol', body.slice(0, 30))
      stub.heal()
      t.true(performance.now() - begun < 5_000, body.slice(0, 30))
    }
  })
})

test('R011-5: a server that lists nothing, and always more, is not asked for ever', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const body =
      '<ListBucketResult><IsTruncated>true</IsTruncated>' +
      '<NextContinuationToken>again</NextContinuationToken></ListBucketResult>'
    stub.inject({ kind: 'answer', answer: { status: 200, body } }, { times: 3 })
    t.deepEqual(await objects.list(''), { objects: [], more: false })
    t.is(stub.log.length, 4)
    stub.inject({ kind: 'answer', answer: { status: 200, body } }, { times: 1_000 })
    t.is((await faultOf(objects.list(''))).code, 'protocol')
  })
})

test('R011-5: ids that are none are refused', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    for (const id of ['', 'x'.repeat(1_025)]) {
      const body = `<R><UploadId>${id}</UploadId></R>`
      stub.inject({ kind: 'answer', answer: { status: 200, body } })
      t.is((await faultOf(objects.beginUpload('a'))).code, 'protocol')
    }
    stub.inject({ kind: 'answer', answer: { status: 200, body: '' } })
    const part = objects.uploadPart({ key: 'a', id: 'x' }, 1, Buffer.from('1'))
    t.is((await faultOf(part)).code, 'protocol')
  })
})

test('R011-5: an answer of something else than S3 is no success', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    const upload = { key: 'v/1', id: await objects.beginUpload('v/1') }
    const part = await objects.uploadPart(upload, 1, Buffer.from('1'))
    stub.inject(
      { kind: 'answer', answer: { status: 200, body: 'Please log in' } },
      { times: 1_000 },
    )
    for (const call of [
      objects.put('a', Buffer.from('1')),
      objects.get('a'),
      objects.size('a'),
      objects.list(''),
      objects.unfinished(''),
      objects.beginUpload('a'),
      objects.uploadPart(upload, 1, Buffer.from('1')),
      objects.completeUpload(upload, [part]),
    ]) {
      t.is((await faultOf(call)).code, 'protocol')
    }
    t.is(objects.place, PLACE)
  })
})
