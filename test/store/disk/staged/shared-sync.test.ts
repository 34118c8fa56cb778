import { test } from '../../../serial.ts'
import { SharedSync } from '../../../../src/store/disk/staged/shared-sync.ts'

/** A sync that the test ends. */
function manual(): { readonly shared: SharedSync; readonly running: ((fault?: Error) => void)[] } {
  const running: ((fault?: Error) => void)[] = []
  const shared = new SharedSync(
    () =>
      new Promise((resolve, reject) => {
        running.push((fault) => (fault === undefined ? resolve() : reject(fault)))
      }),
  )
  return { shared, running }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('who asks while a sync runs is answered by the next one, which all of them share', async (t) => {
  const { shared, running } = manual()
  const answered: string[] = []
  const ask = (name: string): Promise<void> => shared.run().then(() => void answered.push(name))
  const asked = [ask('first'), ask('second'), ask('third')]
  await turn()
  t.is(running.length, 1)
  running[0]!()
  await turn()
  t.deepEqual(answered, ['first'])
  t.is(running.length, 2)
  asked.push(ask('fourth'))
  running[1]!()
  await turn()
  t.deepEqual(answered, ['first', 'second', 'third'])
  t.is(running.length, 3)
  running[2]!()
  await Promise.all(asked)
  const last = ask('fifth')
  t.is(running.length, 4)
  running[3]!()
  await last
})

test('a failed sync fails the callers that shared it, and no later one', async (t) => {
  const { shared, running } = manual()
  const first = t.throwsAsync(shared.run(), { message: 'disk' })
  const second = shared.run()
  running[0]!(new Error('disk'))
  await first
  await turn()
  running[1]!()
  await t.notThrowsAsync(second)
})
