import { test } from '../../serial.ts'
import * as fc from 'fast-check'
import {
  decodeHead,
  encodeHead,
  factsIn,
  headersOf,
  type Facts,
} from '../../../src/doors/cache/turbo/artifact-head.ts'
import { TURBO_FACT_BYTES, TURBO_HEAD_BYTES } from '../../../src/limits.ts'

const TEXT = fc.string({
  unit: fc.constantFrom('a', 'Z', '9', '+', '/', '=', ':', '"', '\\', '<'),
  minLength: 1,
  maxLength: 90,
})
const FACTS: fc.Arbitrary<Facts> = fc.record(
  {
    duration: fc.nat().map(String),
    tag: TEXT,
    sha: TEXT,
    'dirty-hash': TEXT,
  },
  { requiredKeys: [] },
)

test('R010-31 a head gives back every fact, and where the artifact begins', (t) => {
  const holds = fc.property(FACTS, fc.uint8Array({ maxLength: 9000 }), (facts, body) => {
    const head = encodeHead(facts)
    t.deepEqual(decodeHead(Buffer.concat([head, body])), { facts, length: head.byteLength })
    t.deepEqual(factsIn(headersOf(facts)), facts)
  })
  fc.assert(holds, { numRuns: 200 })
})

test('R010-31 the largest facts fit into a head', (t) => {
  // JSON writes two characters for each of these.
  const text = '"'.repeat(TURBO_FACT_BYTES)
  const facts = factsIn({
    'x-artifact-duration': '9'.repeat(15),
    'x-artifact-tag': text,
    'x-artifact-sha': text,
    'x-artifact-dirty-hash': text,
  })
  if ('unfit' in facts) return t.fail(facts.unfit)
  const head = encodeHead(facts)
  t.true(head.byteLength <= TURBO_HEAD_BYTES)
  t.deepEqual(decodeHead(head)?.facts, facts)
})

for (const [title, text] of Object.entries({
  nothing: '',
  'no line': '{"turbo":1}',
  'no object': '[]\n',
  null: 'null\n',
  'no version': '{"duration":"1"}\n',
  'another version': '{"turbo":2}\n',
  'an unknown fact': '{"turbo":1,"colour":"red"}\n',
  'a fact that is no text': '{"turbo":1,"duration":1}\n',
  'a line feed in a fact': '{"turbo":1,"tag":"a\\nSet-Cookie: b"}\n',
  'a carriage return in a fact': '{"turbo":1,"tag":"a\\r"}\n',
  'a duration that is no number': '{"turbo":1,"duration":"-1"}\n',
  'a fact that is too long': `{"turbo":1,"tag":"${'a'.repeat(TURBO_FACT_BYTES + 1)}"}\n`,
  'an empty fact': '{"turbo":1,"tag":""}\n',
  'a line feed beyond the bound': `{"turbo":1${' '.repeat(TURBO_HEAD_BYTES)}}\n`,
})) {
  test(`R010-31 no head: ${title}`, (t) => {
    t.is(decodeHead(Buffer.from(text)), undefined)
  })
}

test('R010-31 no head: bytes that are not UTF-8', (t) => {
  t.is(
    decodeHead(Buffer.from([...Buffer.from('{"turbo":1,"tag":"'), 0xff, 0x22, 0x7d, 0x0a])),
    undefined,
  )
})

for (const [header, text] of [
  ['x-artifact-duration', '1.5'],
  ['x-artifact-duration', '1'.repeat(16)],
  ['x-artifact-tag', 'a b'],
  ['x-artifact-tag', ''],
  ['x-artifact-tag', 'é'],
  ['x-artifact-sha', 'a'.repeat(TURBO_FACT_BYTES + 1)],
] as const) {
  test(`R010-32 a header that is not fit: ${header}: ${text.slice(0, 20)}`, (t) => {
    t.deepEqual(factsIn({ [header]: text }), { unfit: header })
  })
}
