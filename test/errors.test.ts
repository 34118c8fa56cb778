import { test } from './serial.ts'
import { DstoreError, ERRORS, asDstoreError, isErrorCode, throwIfCancelled } from '../src/errors.ts'

test('a fault is recognised by its code, an abort is cancelled, anything else is internal', (t) => {
  const fault = new DstoreError('not-found', 'no such key')
  t.is(asDstoreError(fault), fault)
  t.is(asDstoreError(new DOMException('gone', 'AbortError')).code, 'cancelled')
  t.is(asDstoreError('oops').code, 'internal')
  t.true(Object.keys(ERRORS).every(isErrorCode))
  t.false(isErrorCode('constructor'))
})

test('a fault keeps its cause, its hint and its kind; without a cause it has none', (t) => {
  const cause = new Error('why')
  const fault = new DstoreError('busy', 'later', { cause, hint: 'try again' })
  t.is(fault.cause, cause)
  t.is(fault.hint, 'try again')
  t.is(fault.kind, ERRORS.busy)
  t.false('cause' in new DstoreError('busy', 'later'))
  t.is(asDstoreError(cause).cause, cause)
  t.is(asDstoreError(cause).message, 'why')
})

test('an aborted signal throws its reason if that is a fault, else cancelled', (t) => {
  t.notThrows(() => throwIfCancelled(undefined))
  t.notThrows(() => throwIfCancelled(new AbortController().signal))
  const fault = new DstoreError('timeout', 'too late')
  t.is(
    t.throws(() => throwIfCancelled(AbortSignal.abort(fault))),
    fault,
  )
  const reason = new Error('enough')
  const thrown = t.throws(() => throwIfCancelled(AbortSignal.abort(reason)), {
    instanceOf: DstoreError,
  })
  t.is(thrown?.code, 'cancelled')
  t.is(thrown?.cause, reason)
})
