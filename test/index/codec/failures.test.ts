import { create, toBinary } from '@bufbuild/protobuf'
import { decodeMessage } from '../../../src/index/codec/decode.ts'
import * as pb from '../../../src/index/codec/messages_pb.ts'
import { TEXT_CHARS } from '../../../src/limits.ts'
import { test } from '../../serial.ts'

/** A failure as it comes in. */
const failed = (value: { code: string; message?: string; hint?: string }): Uint8Array =>
  toBinary(pb.MessageSchema, create(pb.MessageSchema, { body: { case: 'failure', value } }))

test('R000-8: a code that is not in the table is taken as a broken protocol', (t) => {
  for (const stranger of ['', 'constructor', '__proto__', 'not-invented-yet']) {
    const { body } = decodeMessage(failed({ code: stranger }))
    t.like(body, { type: 'failure', code: 'protocol' })
  }
})

test('R000-9: lines for people are cut, and carry no control characters', (t) => {
  const nasty = `\u001B[2J\r\nhello\u009B31m\u0000${'x'.repeat(TEXT_CHARS)}`
  const failure = { code: 'busy', message: nasty, hint: nasty }
  const { body } = decodeMessage(failed(failure))
  t.true(body.type === 'failure')
  if (body.type !== 'failure') return
  for (const text of [body.message, body.hint!]) {
    t.true(text.length <= TEXT_CHARS)
    t.regex(text, /^[^\p{Cc}]*hello[^\p{Cc}]*$/u)
  }
})
