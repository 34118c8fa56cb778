/**
 * The process of a daemon: it reports readiness, stops cleanly, and ends with an exit code
 * (R007-9).
 */
import { DstoreError } from '../../errors.ts'
import { startDaemon } from './daemon.ts'
import type { DaemonOptions } from './daemon.ts'
import { notifyParent, readyLine, tellParent } from './readiness.ts'
import { SIGNAL_EXITS, onEndingSignals } from './signals.ts'
import type { EndingSignal } from './signals.ts'

/**
 * Runs a daemon until a client (exit code 0) or a signal (R007-9) stops it; a second signal ends
 * the process at once, as does one that comes before the daemon serves. Rejects with the error that
 * kept the daemon from starting, and with the reason, `unwritable`, once it
 * must end. The caller
 * must exit with the code, since a client that asked for the stop waits for the process to end.
 */
export async function runDaemon(
  options: DaemonOptions,
  announce: (line: string) => Promise<unknown>,
): Promise<number> {
  const { log } = options
  // Whatever the umask of the starter: every right for the owner, and none for others.
  process.umask(0o077)
  const signals = new EndingSignals()
  const daemon = await startDaemon({ onStep: stepsToParent(), ...options })
  signals.allowClosing()
  const status = await daemon.node.status()
  try {
    await announce(readyLine(status, daemon.socket))
  } catch (error) {
    // The disk behind stdout is full, say: others can use the daemon all the same (R007-113).
    if (!(error instanceof DstoreError)) throw error
    log.warn('the ready line could not be printed', { error: error.message })
  }
  notifyParent({ ready: true, socket: daemon.socket })
  log.info('ready', { role: status.role, socket: daemon.socket, pid: process.pid })
  daemon.onActive((now) => {
    announce(readyLine(now, daemon.socket)).catch((error: unknown) =>
      log.warn('the ready line could not be printed', { error: String(error) }),
    )
  })

  const { stopRequested, lost, overtaken } = daemon
  let what = 'the state directory is gone'
  const taken = overtaken.then((fault) => {
    what = status.set === undefined ? 'the archive was taken over' : 'this member must end'
    return fault
  })
  const end = await Promise.race([signals.first, stopRequested, lost, taken])
  if (end instanceof DstoreError) log.error(what, { error: end.message })
  else log.info('stopping', { signal: end ?? 'none' })
  await daemon.close()
  log.info('stopped')
  if (end instanceof DstoreError) throw end
  return end === undefined ? 0 : SIGNAL_EXITS[end]
}

/** At most one a second, and none twice in a row: a step that lasts is no progress. */
function stepsToParent(): (doing: string) => void {
  let said = ''
  let saidAt = -Infinity
  return (doing) => {
    const now = performance.now()
    if (doing === said || now - saidAt < STEP_MS) return
    said = doing
    saidAt = now
    tellParent({ doing })
  }
}

const STEP_MS = 1_000

/** The first signal that asks a daemon to close; any other ends the process. */
class EndingSignals {
  readonly first: Promise<EndingSignal>
  #mayClose = false

  constructor() {
    this.first = new Promise((resolve) => {
      // A store may be left at any moment, and the settings are saved last.
      const leave = (signal: EndingSignal): never => process.exit(SIGNAL_EXITS[signal])
      onEndingSignals((signal) => (this.#mayClose ? resolve(signal) : leave(signal)), leave)
    })
  }

  /** There is a daemon, which the next signal asks to close. */
  allowClosing(): void {
    this.#mayClose = true
  }
}
