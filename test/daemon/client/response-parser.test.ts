import * as fc from 'fast-check'
import { test } from '../../serial.ts'
import { HTTP_HEADER_BYTES } from '../../../src/limits.ts'
import { ResponseParser } from '../../../src/daemon/client/response-parser.ts'

interface Parsed {
  readonly status: number | undefined
  readonly body: string
  readonly isComplete: boolean
  readonly interim: number
  readonly trailers: Record<string, string>
}

/** Parses a response that arrives in pieces which end at these places. */
function parse(response: string, cuts: readonly number[] = []): Parsed {
  const bytes = Buffer.from(response, 'latin1')
  let interim = 0
  const parser = new ResponseParser(() => interim++)
  let body = ''
  let at = 0
  for (const end of [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  )) {
    for (const part of parser.push(bytes.subarray(at, end))) {
      body += Buffer.from(part).toString('latin1')
    }
    at = end
  }
  const { head, isComplete, trailers } = parser
  const fields = Object.fromEntries(trailers)
  return { status: head?.status, body, isComplete, interim, trailers: fields }
}

const OK = 'HTTP/1.1 200 OK\r\n'

test('R007-180 a response with a length or in chunks is the same, wherever it is cut', (t) => {
  const forms: [form: string, body: string, trailers: Record<string, string>, interim: number][] = [
    [`${OK}Content-Length: 5\r\nX: y\r\n\r\nhello`, 'hello', {}, 0],
    [`${OK}content-length:0\n\n`, '', {}, 0],
    [
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
      'hi',
      {},
      2,
    ],
    [
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n\r\n0123456\n\r\n0\r\nT: a b \r\n\r\n`,
      'hello\r\n0123456\n',
      { t: 'a b' },
      0,
    ],
    ['HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', '', {}, 0],
  ]
  for (const [form, body, trailers, interim] of forms) {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 6 }), (cuts) => {
        const parsed = parse(form, cuts)
        t.deepEqual(
          { ...parsed, status: undefined },
          { status: undefined, body, isComplete: true, interim, trailers },
        )
      }),
      { numRuns: 60 },
    )
  }
})

test('R007-180 a response that stops early is not complete', (t) => {
  const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
  const fixed = `${OK}Content-Length: 3\r\n\r\nabc`
  for (const whole of [chunked, fixed]) {
    t.true(parse(whole).isComplete)
    for (let end = 0; end < whole.length; end++) t.false(parse(whole.slice(0, end)).isComplete)
  }
})

for (const [what, response] of Object.entries({
  'no HTTP': 'SSH-2.0-OpenSSH\r\n',
  'an old version': 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'no length': `${OK}\r\n`,
  'two lengths': `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  'a length that is none': `${OK}Content-Length: -1\r\n\r\n`,
  'a length and chunks': `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  'an unknown coding': `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  'a header that is none': `${OK}nonsense\r\n\r\n`,
  'a chunk without a size': `${OK}Transfer-Encoding: chunked\r\n\r\n\r\n`,
  'a chunk that is too long': `${OK}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n`,
  'more than its length': `${OK}Content-Length: 1\r\n\r\nab`,
  'more than its chunks': `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx`,
  'an endless line': `${OK}X: ${'y'.repeat(HTTP_HEADER_BYTES)}`,
  'endless headers': OK + 'X: y\r\n'.repeat(HTTP_HEADER_BYTES),
})) {
  test(`R007-180 a response with ${what} is refused`, (t) => {
    t.throws(() => parse(response), { code: 'protocol' } as never)
  })
}
