/** One exit code for several arguments, and for signals. */
import { test } from '../serial.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCodes, forEachArgument } from '../../cli/exit-code.ts'
import { ClosedPipe } from '../../cli/terminal/output.ts'
import type { Terminal } from '../../cli/terminal/terminal.ts'
import { SAME_SIGNAL_MS } from '../../src/daemon/process/signals.ts'
import { DstoreError, type ErrorCode } from '../../src/errors.ts'
import { outcome } from './command.ts'

/** A terminal that collects what it would print. */
function recording(): { readonly terminal: Terminal; readonly printed: string[] } {
  const printed: string[] = []
  const fail = ({ message }: DstoreError, argument = ''): void =>
    void printed.push(`${argument}: ${message}`)
  return { terminal: { fail } as Partial<Terminal> as Terminal, printed }
}

const failing = (code: ErrorCode): Promise<number> =>
  Promise.reject(new DstoreError(code, `it was ${code}`))

test('R007-22 one code if all end alike, else 8; one of several arguments is named', async (t) => {
  const { terminal, printed } = recording()
  const run = (...codes: (ErrorCode | number)[]): Promise<number> =>
    forEachArgument(
      codes.map((_, index) => `a${index}`),
      terminal,
      (_, index) => {
        const code = codes[index]!
        return typeof code === 'number' ? Promise.resolve(code) : failing(code)
      },
    )
  t.is(await run(), 0)
  t.is(await run(0, 0), 0)
  t.is(await run(1, 1), 1)
  t.is(await run('not-found', 'removed'), 3)
  t.is(await run(0, 'not-found'), 8)
  t.is(await run('not-found', 0), 8)
  t.is(await run('not-found', 'integrity'), 8)
  printed.length = 0
  t.is(await run('no-space'), 7)
  t.is(await run('no-space', 0), 8)
  t.deepEqual(printed, [': it was no-space', 'a0: it was no-space'])
})

test('R007-28 R007-27 cancellation and a closed pipe end the loop, silently', async (t) => {
  const { terminal, printed } = recording()
  const done: string[] = []
  const run = (fault: Error): Promise<number> =>
    forEachArgument(['a', 'b', 'c'], terminal, (item) => {
      done.push(item)
      return item === 'b' ? Promise.reject(fault) : Promise.resolve(0)
    })
  await t.throwsAsync(run(new DstoreError('cancelled', 'cancelled')), { code: 'cancelled' })
  await t.throwsAsync(run(new ClosedPipe()), { name: 'ClosedPipe' })
  t.deepEqual(done, ['a', 'b', 'a', 'b'])
  t.deepEqual(printed, [])
})

test('R007-63 a cancelled statement counts, and is not reported', (t) => {
  const { terminal, printed } = recording()
  const codes = new ExitCodes(terminal)
  t.deepEqual([codes.isEmpty, codes.allFailed, codes.common], [true, false, 0])
  codes.fail(new DstoreError('cancelled', 'cancelled'))
  t.deepEqual([codes.isEmpty, codes.allFailed, codes.common], [false, true, 130])
  codes.add(0)
  t.deepEqual([codes.allFailed, codes.common], [false, 8])
  t.deepEqual(printed, [])
})

test('R007-28 the first signal cancels, the second ends the process at once, unless it is the same one', async (t) => {
  const signals = new URL('../../cli/signals.js', import.meta.url).href
  const program = `
    import { interruptible } from '${signals}'
    const { signal, exitCode } = interruptible()
    const tell = (text) => process.stdout.write(text + ' ')
    signal.addEventListener('abort', () => tell([signal.reason.code, exitCode(130), exitCode(7)]))
    setInterval(() => undefined, 1000)
    tell('ready')`
  for (const [name, exit] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program])
    t.teardown(() => child.kill('SIGKILL'))
    const ended = outcome(child)
    await once(child.stdout, 'data')
    const cancelled = once(child.stdout, 'data')
    child.kill(name)
    await cancelled
    // As `timeout` does, which sends its signal to the process and to its group.
    child.kill(name)
    await sleep(SAME_SIGNAL_MS + 50)
    t.is(child.signalCode, null)
    child.kill(name)
    const { exit: end, stdout } = await ended
    t.is(end, name)
    t.is(stdout.toString(), `ready cancelled,${exit},7 `)
  }
})
