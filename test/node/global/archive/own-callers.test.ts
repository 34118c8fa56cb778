import { DstoreError } from '../../../../src/errors.ts'
import type { Body } from '../../../../src/index/message.ts'
import { ARCHIVE_CONFIRM_MS } from '../../../../src/limits.ts'
import { OwnCallers } from '../../../../src/node/global/archive/own-callers.ts'
import { test } from '../../../serial.ts'

test('R011-58 who has waited for long is answered while the archive takes nothing; watches go on', async (t) => {
  let now = 0
  const callers = new OwnCallers(() => now)
  const answers: Record<string, Body> = {}
  const call = (name: string, id: number, isDue: boolean): void => {
    void callers.wait(id, isDue).then((body) => (answers[name] = body))
  }
  call('early', 1, true)
  call('watch', 2, false)
  now = 1
  call('late', 3, true)
  now = ARCHIVE_CONFIRM_MS
  callers.refuse(undefined)
  await Promise.resolve()
  t.deepEqual(answers, {})
  callers.refuse(new DstoreError('unreachable', 'the archive is away', { hint: 'wait' }))
  await Promise.resolve()
  t.deepEqual(Object.keys(answers), ['early'])
  t.like(answers['early'], { type: 'failure', code: 'unreachable', hint: 'wait' })
  // An answer that comes later is nobody's.
  callers.answer(1, { type: 'goodbye', reason: '' })
  callers.answer(3, { type: 'goodbye', reason: '' })
  callers.answerAll({ type: 'goodbye', reason: 'end' })
  await Promise.resolve()
  t.is(answers['late']?.type, 'goodbye')
  t.like(answers['watch'], { reason: 'end' })
})
