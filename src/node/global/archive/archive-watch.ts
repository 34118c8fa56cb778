/** Writes to the log what becomes of the archive. */
import type { Archive, ArchiveState, ArchiveStatus } from '../../../archive/archive.ts'
import type { Log, LogFacts } from '../../../log.ts'

const LOOK_MS = 1000

/** What each state means, for the log; those without are part of every day. */
const MEANING: Readonly<Record<ArchiveState, string | undefined>> = {
  opening: undefined,
  'first-copy': 'the archive gets its first copy: until that is complete, nothing can be restored',
  current: undefined,
  behind: 'the archive is behind: its bucket does not answer as it should',
  waiting: 'puts wait for the archive, which is too far behind',
  unreachable: 'puts are refused: the archive is away',
  fenced: 'another node has taken over this archive',
}

export class ArchiveWatch {
  readonly #archive: Pick<Archive, 'status'>
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #last: ArchiveState = 'current'

  constructor(archive: Pick<Archive, 'status'>, log: Log) {
    this.#archive = archive
    this.#log = log
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  /** Once a second; for tests, at any time. */
  look(): void {
    const status = this.#archive.status()
    const { state } = status
    if (state === this.#last) return
    const meaning = MEANING[state]
    const facts = factsOf(status)
    if (meaning === undefined) {
      if (MEANING[this.#last] !== undefined) this.#log.info('the archive has all again', facts)
    } else if (state === 'first-copy') {
      this.#log.info(meaning, facts)
    } else {
      this.#log[state === 'fenced' ? 'error' : 'warn'](meaning, facts)
    }
    this.#last = state
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

function factsOf({ place, lag, lastFault }: ArchiveStatus): LogFacts {
  const fault = lastFault && { fault: lastFault.fault.message }
  return { place, lagBytes: lag.bytes, lagMs: Math.round(lag.ms), ...fault }
}
