import * as fc from 'fast-check'
import { test } from '../serial.ts'
import { pageModule } from './page-module.ts'

interface StreamEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

interface Streams {
  EventStreamParser: new () => {
    push(text: string): StreamEvent[]
    readonly id: string | undefined
  }
  JsonLinesParser: new () => { push(text: string): unknown[]; end(): unknown[] }
}

const { EventStreamParser, JsonLinesParser } = await pageModule<Streams>('core/event-stream.js')

const STREAM =
  ':\n\nid: 1:0\n\nevent: update\ndata: {"a":1}\nid: 1:1\r\n\r\n' +
  'data: two\r\ndata: and\rdata:lines\n\n: beat\n\nevent: failed\ndata: {"detail":"x: y"}\n\n'

const EVENTS: StreamEvent[] = [
  { event: 'update', data: '{"a":1}', id: '1:1' },
  { event: 'message', data: 'two\nand\nlines', id: '1:1' },
  { event: 'failed', data: '{"detail":"x: y"}', id: '1:1' },
]

/** A text in pieces, cut at these places. */
function piecesOf(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length]
  const sorted = places.toSorted((a, b) => a - b)
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end))
}

test('R013-52: events are the same however the network cuts them', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 20 }), (cuts) => {
      const parser = new EventStreamParser()
      t.deepEqual(
        piecesOf(STREAM, cuts).flatMap((piece) => parser.push(piece)),
        EVENTS,
      )
    }),
    { numRuns: 100 },
  )
})

test('R013-52: the id that stands before the first event is where to resume', (t) => {
  const parser = new EventStreamParser()
  t.deepEqual(parser.push('id: 7:12\n\n'), [])
  t.is(parser.id, '7:12')
})

test('R013-52: an event or a line that never ends costs bounded memory', (t) => {
  const piece = 'x'.repeat(1_000_000)
  const events = new EventStreamParser()
  t.throws(() => {
    for (let i = 0; i < 10; i++) events.push(`data: ${piece}\n`)
  })
  const lines = new JsonLinesParser()
  t.throws(() => {
    for (let i = 0; i < 10; i++) lines.push(piece)
  })
})

test('lines of JSON are the same however the network cuts them', (t) => {
  const text = '{"name":"a"}\n\n{"prefix":"b/"}\n{"last":true}'
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
      const parser = new JsonLinesParser()
      const found = piecesOf(text, cuts).flatMap((piece) => parser.push(piece))
      t.deepEqual([...found, ...parser.end()], [{ name: 'a' }, { prefix: 'b/' }, { last: true }])
    }),
    { numRuns: 100 },
  )
})
