/** A daemon's process: it says when it serves, ends cleanly when asked or signalled, and names how it ended. */
import { closeSync, writeSync } from 'node:fs'
import { startDaemon } from './daemon.ts'
import type { Daemon, DaemonOptions } from './daemon.ts'
import { problemOf } from '../api/problem.ts'
import { READY_FD_VARIABLE } from './readiness.ts'
import type { Readiness } from './readiness.ts'
import { readyLine } from './ready-line.ts'

const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143 } as const
type Signal = keyof typeof SIGNAL_EXITS

/**
 * Run a daemon until a client stops it (exit code 0) or a signal does (130, 143). A second signal ends the process at
 * once. Rejects with what kept the daemon from starting. The caller exits with the code: only the end of the process
 * ends the connections of those who asked for it.
 */
export async function runDaemon(
  options: DaemonOptions,
  announce: (line: string) => Promise<unknown>,
): Promise<number> {
  const { log } = options
  const signalled = firstSignal()
  let daemon: Daemon
  try {
    daemon = await startDaemon(options)
  } catch (error) {
    tellParent({ ready: false, problem: problemOf(error) })
    throw error
  }
  const status = await daemon.node.status()
  await announce(readyLine(status, daemon.socket))
  tellParent({ ready: true, socket: daemon.socket })
  log.info('ready', { role: status.role, socket: daemon.socket, pid: process.pid })

  const signal = await Promise.race([signalled, daemon.stopAsked])
  log.info('stopping', { signal: signal ?? 'none' })
  await daemon.close()
  log.info('stopped')
  return signal === undefined ? 0 : SIGNAL_EXITS[signal]
}

function firstSignal(): Promise<Signal> {
  return new Promise((resolve) => {
    let seen = false
    for (const signal of Object.keys(SIGNAL_EXITS) as Signal[]) {
      process.on(signal, () => {
        if (seen) process.exit(SIGNAL_EXITS[signal])
        seen = true
        resolve(signal)
      })
    }
  })
}

function tellParent(readiness: Readiness): void {
  const fd = Number(process.env[READY_FD_VARIABLE] ?? Number.NaN)
  if (!Number.isInteger(fd) || fd < 3) return
  try {
    writeSync(fd, `${JSON.stringify(readiness)}\n`)
    closeSync(fd)
  } catch {
    // The parent did not wait; the daemon is none the worse.
  }
}
