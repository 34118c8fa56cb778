/** The log of a daemon in the background, and what is added to it. */
import { once } from 'node:events'
import { createReadStream, statSync, watch } from 'node:fs'
import type { Terminal } from './terminal.ts'

/** Print the log; with `follow`, go on until `signal`. A log that was turned over is read from its new beginning. */
export async function showLog(
  path: string,
  follow: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  let at = size(path)
  if (at === undefined) {
    terminal.note('nothing was logged yet: no daemon has run in the background')
    return
  }
  await show(path, 0, at, terminal)
  if (!follow) return
  const watcher = watch(path, { signal })
  watcher.on('error', () => undefined)
  for (;;) {
    const now = size(path) ?? 0
    if (now < at) at = 0
    if (now > at) {
      await show(path, at, now, terminal)
      at = now
    } else {
      await once(watcher, 'change', { signal })
    }
  }
}

async function show(path: string, start: number, end: number, terminal: Terminal): Promise<void> {
  if (end === start) return
  const bytes = createReadStream(path, { start, end: end - 1 }) as AsyncIterable<Uint8Array>
  for await (const piece of bytes) await terminal.output.write(piece)
}

function size(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
