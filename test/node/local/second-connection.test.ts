import { test } from '../../serial.ts'
import { DstoreError } from '../../../src/errors.ts'
import type { Body } from '../../../src/index/message.ts'
import { WELCOME_MS } from '../../../src/limits.ts'
import type { Greeted } from '../../../src/node/local/global-connector.ts'
import { SecondConnection } from '../../../src/node/local/second-connection.ts'

/** A second connection whose attempt the test ends. */
class Attempted {
  attempts = 0
  isGreeting = false
  greeted = 0
  readonly log: string[] = []
  now = 0
  succeed: (answer: Body) => void = () => undefined
  fail: () => void = () => undefined
  readonly second: SecondConnection

  constructor() {
    this.second = new SecondConnection({
      connect: (_, signal, beside) => {
        this.attempts++
        this.log.push(`beside ${String(beside)}`)
        return new Promise<Greeted>((resolve, reject) => {
          this.fail = () => reject(new DstoreError('unreachable', 'no'))
          signal.addEventListener('abort', () => reject(signal.reason as Error))
          this.succeed = (body) => {
            const close = (): void => void this.log.push('closed')
            resolve({ answer: { id: 1, body }, close } as unknown as Greeted)
          }
        })
      },
      greeter: {
        hello: () => ({ id: 1, body: { type: 'ping' } }),
        unanswered: () => void this.log.push('unanswered'),
      },
      isGreeting: () => this.isGreeting,
      onGreeted: () => this.greeted++,
      now: () => this.now,
    })
    this.second.start(new AbortController().signal)
  }
}

const WELCOME = { type: 'welcome' } as Body
const refusal = (code: 'conflict' | 'not-permitted'): Body => ({
  type: 'failure',
  code,
  message: '',
  hint: undefined,
})

test('R004-75 a session that is heard before the hello goes out ends the attempt, and goes on', async (t) => {
  const tried = new Attempted()
  t.true(tried.second.isOn)
  t.true(await tried.second.goesOn())
  t.false(tried.second.isOn)
  t.is(await tried.second.take(), undefined)
  t.is(tried.greeted, 0)
  tried.second.start(new AbortController().signal)
  t.is(tried.attempts, 1, 'not again at once')
  tried.now += WELCOME_MS
  tried.second.start(new AbortController().signal)
  t.is(tried.attempts, 2)
})

test('R004-74 R004-75 once the hello is out, the session waits, and is over with the welcome', async (t) => {
  const tried = new Attempted()
  tried.isGreeting = true
  let decided = false
  const goesOn = tried.second.goesOn().finally(() => (decided = true))
  await new Promise((resolve) => setImmediate(resolve))
  t.false(decided)
  tried.succeed(WELCOME)
  t.false(await goesOn)
  t.is(tried.greeted, 1)
  t.true(tried.second.isGreeted)
  t.deepEqual((await tried.second.take())?.answer.body, WELCOME)
  t.false(tried.second.isOn)
})

test('R004-75 the session outlives an attempt that fails, or that Global refuses for now', async (t) => {
  const failed = new Attempted()
  failed.isGreeting = true
  const goesOn = failed.second.goesOn()
  failed.fail()
  t.true(await goesOn)
  const refused = new Attempted()
  refused.isGreeting = true
  const still = refused.second.goesOn()
  refused.succeed(refusal('conflict'))
  t.true(await still)
  t.deepEqual(refused.log, ['beside true', 'unanswered', 'closed'])
  const expelled = new Attempted()
  expelled.isGreeting = true
  const over = expelled.second.goesOn()
  expelled.succeed(refusal('not-permitted'))
  t.false(await over)
})
