import test from 'ava'
import { DstoreError, ERRORS, asDstoreError, isErrorCode } from '../src/errors.ts'

test('a fault is recognised by its code, an abort is cancelled, anything else is internal', (t) => {
  const fault = new DstoreError('not-found', 'no such key')
  t.is(asDstoreError(fault), fault)
  t.is(asDstoreError(new DOMException('gone', 'AbortError')).code, 'cancelled')
  t.is(asDstoreError('oops').code, 'internal')
  t.true(Object.keys(ERRORS).every(isErrorCode))
  t.false(isErrorCode('constructor'))
})
