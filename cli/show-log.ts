/** The log of a daemon in the background, and what is added to it. */
import { once } from 'node:events'
import { createReadStream, statSync, watch } from 'node:fs'
import type { FSWatcher, Stats } from 'node:fs'
import { dirname } from 'node:path'
import type { Terminal } from './terminal.ts'

/** Print the log; with `follow`, go on until `signal`. A log that was turned over is read from its new beginning. */
export async function showLog(
  path: string,
  follow: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const found = look(path)
  if (found === undefined) {
    terminal.note('nothing was logged yet: no daemon has run in the background')
    return
  }
  // The directory is watched, for a log that is turned over is another file.
  const watcher = follow ? watch(dirname(path), { signal }) : undefined
  await show(path, 0, found.size, terminal)
  if (watcher !== undefined) await showMore(path, found, watcher, terminal, signal)
}

async function showMore(
  path: string,
  first: Stats,
  watcher: FSWatcher,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<never> {
  let shown = first
  for (;;) {
    const found: Stats = look(path) ?? shown
    const from = found.ino === shown.ino && found.size >= shown.size ? shown.size : 0
    if (found.size === from) await once(watcher, 'change', { signal })
    else await show(path, from, found.size, terminal)
    shown = found
  }
}

async function show(path: string, start: number, end: number, terminal: Terminal): Promise<void> {
  if (end === start) return
  const bytes = createReadStream(path, { start, end: end - 1 }) as AsyncIterable<Uint8Array>
  for await (const piece of bytes) await terminal.output.write(piece)
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false })
}
