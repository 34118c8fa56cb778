/** Prints the log of a daemon in the background, and follows it. */
import { once } from 'node:events'
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { dirname } from 'node:path'
import { PIECE_BYTES } from '../../../src/limits.ts'
import type { Terminal } from '../../terminal/terminal.ts'
import { ChosenLines, type LogChoice } from './log-lines.ts'

/**
 * Print the chosen lines of the log; with `follow`, keep printing until `signal`, across log
 * rotations (R007-77). A bounded choice begins in the log before this one.
 */
export async function showLog(
  path: string,
  follow: boolean,
  choice: LogChoice,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (!exists(path)) {
    terminal.note('no log yet: no daemon has run in the background')
    return
  }
  const lines = new ChosenLines(choice, terminal)
  const isBounded = (choice.last ?? choice.since) !== undefined
  // Watches the directory: rotation replaces the file.
  const watcher = follow ? watch(dirname(path), { signal }) : undefined
  for (let isFirst = true; ; isFirst = false) {
    const file = openSync(path, 'r')
    try {
      const before = `${path}.1`
      const hasBefore = isFirst && isBounded && exists(before) && !isAt(before, file)
      if (hasBefore) {
        await lines.write(readFileSync(before))
        await lines.end()
      }
      await showFile(file, path, lines, watcher, signal)
    } finally {
      closeSync(file)
    }
    if (watcher === undefined) return
  }
}

/** Print a file to its end; with a watcher, until it is rotated. */
async function showFile(
  file: number,
  path: string,
  lines: ChosenLines,
  watcher: FSWatcher | undefined,
  signal: AbortSignal,
): Promise<void> {
  const piece = new Uint8Array(PIECE_BYTES)
  for (let at = 0; ;) {
    // Checked before the read: lines that are added until the rotation are still printed.
    const isRotated = exists(path) && !isAt(path, file)
    const length = readSync(file, piece, { position: at })
    if (length > 0) {
      at += length
      await lines.write(piece.subarray(0, length))
      continue
    }
    const isLast = watcher === undefined || isRotated
    if (isLast) await lines.end()
    if ((await lines.caughtUp()) && !isLast) continue
    if (isLast) return
    if (fstatSync(file).size < at) at = 0
    // Nothing was printed since the read: no change is missed.
    else await once(watcher, 'change', { signal })
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Is the open file the one at this path? */
function isAt(path: string, file: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(file).ino
}
