/** `dstore repl`: the seed's prompt, on a terminal or for a script (R007-60 to R007-65). */
import { isatty } from 'node:tty'
import { DstoreError } from '../../src/errors.ts'
import { VERSION } from '../../src/node/version.ts'
import { candidates } from '../completion/candidates.ts'
import type { Invocation } from '../invocation.ts'
import { complete } from '../repl/complete.ts'
import { DaemonValues } from '../repl/daemon-values.ts'
import { Dialogue } from '../repl/dialogue.ts'
import { History } from '../repl/history.ts'
import { Prompt } from '../repl/prompt.ts'
import { scriptLines } from '../repl/script.ts'
import { place, useDaemon } from '../session.ts'

/** The longest that the tabulator key waits for names. */
const COMPLETION_MS = 1000

export async function repl(invocation: Invocation): Promise<number> {
  // Whatever keeps a daemon from being there is said now, and not at the first statement.
  const client = await useDaemon(invocation)
  client.close()
  // Each statement has a connection of its own: it can be cancelled alone, and finds a daemon that was started anew.
  const dialogue = new Dialogue(invocation.terminal, async (work, signal) => {
    const client = await useDaemon({ ...invocation, signal })
    try {
      return await work(new DaemonValues(client))
    } finally {
      client.close()
    }
  })
  return isatty(0) && isatty(1) ? talk(dialogue, invocation) : runScript(dialogue, invocation)
}

async function runScript(dialogue: Dialogue, { signal }: Invocation): Promise<number> {
  signal.addEventListener('abort', () => process.stdin.destroy(signal.reason as Error), {
    once: true,
  })
  for await (const line of scriptLines(process.stdin)) {
    await dialogue.take(line, signal)
    if (signal.aborted || dialogue.isOver) break
  }
  signal.throwIfAborted()
  return dialogue.end()
}

async function talk(dialogue: Dialogue, invocation: Invocation): Promise<number> {
  const { terminal, signal, flags } = invocation
  const history = new History(place(flags).directory.history, (fault) =>
    terminal.note(`the history is not kept: ${fault}`),
  )
  let current = new AbortController()
  const prompt = new Prompt({
    history: history.load(),
    complete: (line) => complete(line, (prefix) => known(prefix, invocation)),
    onInterrupt: () => current.abort(new DstoreError('cancelled', 'cancelled')),
  })
  signal.addEventListener('abort', () => prompt.close(), { once: true })
  terminal.note(`dstore ${VERSION}; .help shows what there is, .exit or Ctrl-D ends`)
  try {
    for await (const line of prompt.lines(() => dialogue.isOpen)) {
      if (line === undefined) dialogue.giveUp()
      else {
        history.add(line)
        current = new AbortController()
        await dialogue.take(line, AbortSignal.any([signal, current.signal]))
      }
      if (dialogue.isOver) return 0
    }
    // Ctrl-D leaves the cursor behind the prompt.
    await terminal.print('')
    signal.throwIfAborted()
    return 0
  } finally {
    prompt.close()
  }
}

async function known(prefix: string, invocation: Invocation): Promise<readonly string[]> {
  const client = await useDaemon({ ...invocation, signal: AbortSignal.timeout(COMPLETION_MS) })
  try {
    return await candidates(client, prefix)
  } finally {
    client.close()
  }
}
