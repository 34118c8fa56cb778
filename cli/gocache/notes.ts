/** What `gocache` tells the user of the go command, each once: it prints beside a build. */
import type { DstoreError } from '../../src/errors.ts'

/** Faults of a Global or a daemon that cannot be reached. */
const AWAY = /^(unreachable|timeout|busy|cancelled)$/

export class Notes {
  readonly #write: (text: string) => void
  readonly #said = new Set<string>()

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  /** Says it, unless it was said. */
  once(text: string, topic: string = text): void {
    if (this.#said.has(topic)) return
    this.#said.add(topic)
    this.#write(`dstore gocache: ${text}`)
  }

  noDaemon(directory: string): void {
    this.once(
      `no daemon is running for ${directory}: this build uses what is on this machine (start one with \`dstore start\`)`,
    )
  }

  /** An entry could not be asked for, or read. */
  notRead({ code, message }: DstoreError): void {
    const means = 'what is not on this machine is built'
    this.once(`${message}: ${means}`, AWAY.test(code) ? 'away' : `read ${code}`)
  }

  /** An output could not be stored. */
  notStored({ code, message }: DstoreError): void {
    const means = 'results stay on this machine'
    if (code === 'not-permitted')
      return this.once(`this node only reads (${message}): ${means}`, code)
    this.once(`${message}: ${means}`, AWAY.test(code) ? 'away' : `write ${code}`)
  }
}
