/** `dstore repl`: the seed's prompt, on a terminal or for a script (R007-60 to R007-65). */
import { isatty } from 'node:tty'
import { piecesOf } from '../../src/bytes.ts'
import { DstoreError } from '../../src/errors.ts'
import { VERSION } from '../../src/node/version.ts'
import { standardInput } from '../input/input.ts'
import { isLossy } from '../../src/utf8.ts'
import type { Invocation } from '../command.ts'
import { COMPLETION_MS, namesAndKeys } from '../completion/names-and-keys.ts'
import { complete } from '../repl/complete.ts'
import { DaemonValues } from '../repl/daemon-values.ts'
import { History } from '../repl/history.ts'
import { Interpreter } from '../repl/interpreter.ts'
import { Prompt } from '../repl/prompt.ts'
import { notUtf8, scriptLines } from '../repl/script.ts'
import { clientOptions, place, useDaemon } from '../session.ts'

export async function repl(invocation: Invocation): Promise<number> {
  // Connect once, so that a failure is reported now and not at the first statement.
  const client = await useDaemon(invocation)
  client.close()
  // One connection per statement: it can be cancelled separately, and finds a restarted daemon.
  const interpreter = new Interpreter(invocation.terminal, async (work, signal) => {
    const call = { ...invocation, signal }
    const client = await useDaemon(call)
    try {
      return await work(new DaemonValues(client, clientOptions(call)))
    } finally {
      client.close()
    }
  })
  return isatty(0) && isatty(1) ? talk(interpreter, invocation) : runScript(interpreter, invocation)
}

async function runScript(interpreter: Interpreter, { signal }: Invocation): Promise<number> {
  const input = standardInput()
  signal.addEventListener('abort', () => input.destroy(signal.reason as Error), { once: true })
  for await (const line of scriptLines(piecesOf(input))) {
    await interpreter.take(line, signal)
    if (signal.aborted || interpreter.isOver) break
  }
  signal.throwIfAborted()
  return interpreter.end()
}

async function talk(interpreter: Interpreter, invocation: Invocation): Promise<number> {
  const { terminal, signal, flags } = invocation
  const history = new History(place(flags).directory.history, (fault) =>
    terminal.note(`the history is not kept: ${fault}`),
  )
  const search = async (prefix: string): Promise<string[]> => {
    const client = await useDaemon({ ...invocation, signal: AbortSignal.timeout(COMPLETION_MS) })
    return namesAndKeys(client, prefix)
  }
  let current = new AbortController()
  const prompt = new Prompt({
    history: history.load(),
    complete: (line) => complete(line, search),
    onInterrupt: () => current.abort(new DstoreError('cancelled', 'cancelled')),
  })
  signal.addEventListener('abort', () => prompt.close(), { once: true })
  terminal.note(`dstore ${VERSION}; HELP lists the statements, EXIT or Ctrl-D ends`)
  try {
    for await (const line of prompt.lines(() => interpreter.isOpen)) {
      if (line === undefined) interpreter.discard()
      else if (isLossy(line)) {
        interpreter.discard()
        terminal.fail(notUtf8())
      } else {
        history.add(line)
        current = new AbortController()
        await interpreter.take(line, AbortSignal.any([signal, current.signal]))
      }
      if (interpreter.isOver) return 0
    }
    // After Ctrl-D the cursor is still behind the prompt.
    await terminal.print('')
    signal.throwIfAborted()
    return 0
  } finally {
    prompt.close()
  }
}
