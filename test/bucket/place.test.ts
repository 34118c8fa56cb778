import { checkEndpoint, parsePlace } from '../../src/bucket/place.ts'
import { test } from '../serial.ts'

test('R011-1: a place is a bucket and a prefix', (t) => {
  for (const [text, bucket, prefix] of [
    ['s3://abc/p', 'abc', 'p/'],
    ['s3://my.bucket-1/a/b_c/d.e-f/', 'my.bucket-1', 'a/b_c/d.e-f/'],
    [`s3://${'b'.repeat(63)}/${'p'.repeat(512)}`, 'b'.repeat(63), `${'p'.repeat(512)}/`],
    ['s3://abc/...', 'abc', '.../'],
  ] as const) {
    const place = parsePlace(text)
    t.deepEqual([place.bucket, place.prefix], [bucket, prefix])
    t.is(place.text, `s3://${bucket}/${prefix.slice(0, -1)}`)
  }
})

test('R011-1: anything else is refused before a server is asked', (t) => {
  for (const text of [
    '',
    'abc/p',
    'https://abc/p',
    'S3://abc/p',
    's3://abc',
    's3://abc/',
    's3:///p',
    's3://ab/p',
    `s3://${'b'.repeat(64)}/p`,
    's3://Abc/p',
    's3://a_c/p',
    's3://-bc/p',
    's3://a..c/p',
    's3://a.-c/p',
    's3://10.0.0.1/p',
    's3://user:secret@abc/p',
    's3://abc/a//b',
    's3://abc//a',
    's3://abc/a//',
    's3://abc/.',
    's3://abc/a/../b',
    's3://abc/a b',
    's3://abc/a?x=1',
    's3://abc/a#b',
    's3://abc/a%2fb',
    's3://abc/ä',
    's3://abc/a\nb',
    `s3://abc/${'p'.repeat(513)}`,
  ]) {
    t.like(
      t.throws(() => parsePlace(text)),
      { name: 'DstoreError', code: 'usage' },
      text,
    )
  }
})

test('R011-1: a message about a place is one short line', (t) => {
  const { message } = t.throws(() => parsePlace(`s3://abc/\n${'x'.repeat(10_000)}`))!
  t.true(message.length < 400 && !message.includes('\n'), message)
})

test('R011-1: an endpoint is where a server is, and no more', (t) => {
  for (const text of ['http://127.0.0.1:9000', 'https://s3.example.com/', 'https://h/storage/s3']) {
    t.is(checkEndpoint(text), text)
  }
  for (const text of [
    '',
    'example.com',
    'ftp://example.com',
    's3://abc/p',
    'https://user@example.com',
    'https://user:secret@example.com',
    'https://example.com/?x=1',
    'https://example.com/#x',
  ]) {
    const error = t.throws(() => checkEndpoint(text))
    t.like(error, { name: 'DstoreError', code: 'usage' }, text)
    t.false(error.message.includes('secret'), text)
  }
})
