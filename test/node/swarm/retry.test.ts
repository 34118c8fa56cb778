import { test } from '../../serial.ts'
import { DstoreError, type ErrorCode } from '../../../src/errors.ts'
import { BROKEN_TRANSFER_MS } from '../../../src/limits.ts'
import { Retry, type RetryOptions } from '../../../src/node/swarm/retry.ts'

class Case {
  nowMs = 5000
  readonly retry: Retry

  constructor(options: Partial<RetryOptions> = {}) {
    this.retry = new Retry({ now: () => this.nowMs, ...options })
  }

  failsAfter(ms: number, code: ErrorCode = 'unreachable'): DstoreError | undefined {
    this.nowMs += ms
    return this.retry.failed(new DstoreError(code, 'the peer dropped the channel'))
  }
}

test('R003-46: a transfer is tried again until Global has been away for too long', (t) => {
  const state = new Case({ hint: 'repeat the command' })
  t.is(state.failsAfter(0), undefined)
  t.is(state.failsAfter(BROKEN_TRANSFER_MS - 1), undefined)
  const failure = state.failsAfter(1)
  t.is(failure?.code, 'unreachable')
  t.is(failure?.message, 'Global cannot be reached: the peer dropped the channel')
  t.is(failure?.hint, 'repeat the command')
})

test('R003-46: progress starts the wait over', (t) => {
  const state = new Case()
  t.is(state.failsAfter(BROKEN_TRANSFER_MS - 1), undefined)
  state.retry.progress()
  t.is(state.failsAfter(BROKEN_TRANSFER_MS - 1), undefined)
  t.not(state.failsAfter(1), undefined)
})

test('R003-46: only a failure that may pass is retried', (t) => {
  for (const code of ['unreachable', 'timeout', 'busy'] as const) {
    t.is(new Case().failsAfter(0, code), undefined, code)
  }
  for (const code of ['integrity', 'removed', 'not-found', 'protocol', 'cancelled'] as const) {
    t.is(new Case().failsAfter(0, code)?.message, 'the peer dropped the channel', code)
  }
  const strict = new Case({ codes: ['unreachable'] })
  t.is(strict.failsAfter(0, 'busy')?.code, 'busy')
  t.is(strict.failsAfter(0), undefined)
})
