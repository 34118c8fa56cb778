import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import {
  encodeResponse,
  greeting,
  RequestReader,
  type GoRequest,
} from '../../../cli/gocache/protocol.ts'
import { closeRequest, getRequest, putRequest, sha256 } from './requests.ts'

interface Taken {
  readonly requests: (GoRequest & { body?: Buffer })[]
  readonly reader: RequestReader
  /** The longest piece of a body that was passed on. */
  longest: number
}

function taking(): Taken {
  const requests: (GoRequest & { body?: Buffer })[] = []
  const reader = new RequestReader({
    request: (request) => void requests.push(request),
    put: (request) => {
      const parts: Uint8Array[] = []
      return {
        write: (bytes) => {
          taken.longest = Math.max(taken.longest, bytes.byteLength)
          parts.push(Uint8Array.from(bytes))
        },
        end: () => void requests.push({ ...request, body: Buffer.concat(parts) }),
      }
    },
  })
  const taken = { requests, reader, longest: 0 }
  return taken
}

const ACTION = sha256('action')

test('R010-40 the first line says what the program can do', (t) => {
  t.is(greeting(), '{"ID":0,"KnownCommands":["get","put","close"]}\n')
})

test('R010-40 requests are read as they were sent, wherever their bytes are cut', (t) => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 })
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 })
  const holds = fc.property(bodies, cuts, (all, lengths) => {
    const { requests, reader } = taking()
    const sent = all
      .map((body, id) => putRequest(id, sha256(`${id}`), body))
      .join(getRequest(77, ACTION))
    const bytes = Buffer.from(sent + closeRequest(99))
    for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
      const length = lengths[turn % lengths.length]!
      reader.push(bytes.subarray(at, (at += length)))
    }
    const puts = requests.filter(({ command }) => command === 'put')
    t.deepEqual(
      puts.map(({ body }) => body),
      all.map((body) => Buffer.from(body)),
    )
    t.deepEqual(requests.at(-1), { id: 99, command: 'close' })
    t.is(requests.filter(({ command }) => command === 'get').length, Math.max(0, all.length - 1))
    t.false(reader.isWithin)
  })
  fc.assert(holds, { numRuns: 200 })
})

test('R010-40 a large body is passed on in parts', (t) => {
  const taken = taking()
  const body = Buffer.alloc(3_000_001, 'go')
  const bytes = Buffer.from(putRequest(1, ACTION, body))
  for (let at = 0; at < bytes.byteLength; at += 65_536) {
    taken.reader.push(bytes.subarray(at, at + 65_536))
  }
  t.true(taken.requests[0]?.body?.equals(body))
  t.true(taken.longest <= 65_536)
})

const get = (fields: object): string => `${JSON.stringify({ ID: 1, Command: 'get', ...fields })}\n`
const put = (size: unknown, body: string): string => {
  const id = Buffer.from(ACTION, 'hex').toString('base64')
  const fields = { ID: 1, Command: 'put', ActionID: id, OutputID: id, BodySize: size }
  return `${JSON.stringify(fields)}\n${body}`
}

for (const [title, text] of Object.entries({
  'no JSON': 'hello\n',
  'no object': '7\n',
  'a list': '[]\n',
  'no ID': '{"Command":"close"}\n',
  'a negative ID': '{"ID":-1,"Command":"close"}\n',
  'an unknown command': '{"ID":1,"Command":"get2"}\n',
  'no action': get({}),
  'an action of another length': get({ ActionID: 'AAAA' }),
  'an action that is no text': get({ ActionID: 7 }),
  'a line without an end': ' '.repeat(20_000),
  'a line that is too long': `${JSON.stringify({ ID: 1, Command: 'x'.repeat(20_000) })}\n`,
  'a negative size': put(-1, ''),
  'a size that no value has': put(2 ** 53, ''),
  'a size that is no number': put('4', ''),
  'no quote': put(4, 'AAAA\n'),
  'a shorter body': put(4, '"AAAA"\n'),
  'a longer body': put(2, '"AAAA"\n'),
  'a body that is no base64': put(3, '"A!A?A"\n'),
  'an empty body with a size': put(3, '""\n'),
})) {
  test(`R010-40 what is no request is refused: ${title}`, (t) => {
    const { reader } = taking()
    const error = t.throws(() => reader.push(Buffer.from(text)), { name: 'DstoreError' })
    t.is((error as Error & { code: string }).code, 'protocol')
  })
}

test('R010-40 a response has the fields of the go command', (t) => {
  const response = { id: 3, output: '00ff', size: 5, time: 0, path: '/a' }
  t.is(
    encodeResponse(response),
    '{"ID":3,"OutputID":"AP8=","Size":5,"Time":"1970-01-01T00:00:00.000Z","DiskPath":"/a"}\n',
  )
  t.is(encodeResponse({ id: 4, isMiss: true }), '{"ID":4,"Miss":true}\n')
  t.is(encodeResponse({ id: 5, error: 'why' }), '{"ID":5,"Err":"why"}\n')
})
