/** Lines of the log as documents, and the choice among them. */
import type { Terminal } from '../../terminal/terminal.ts'

/** One event of a log. A line of another program, such as a crash of Node, is a message alone. */
export interface LogLine {
  readonly time: string | null
  readonly level: string | null
  readonly message: string
  readonly facts: Readonly<Record<string, string>>
}

const HEAD = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (debug|info|warn|error) (.*)$/s
/** A value is quoted as JSON, or needs no quotes. */
const FACT =
  // oxlint-disable-next-line no-control-regex -- JSON allows none in a text
  / ([\w-]+)=("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*"|[\w.:/@+-]+)/gi

/** Takes a line apart: `time level message key=value ...`. */
export function parseLogLine(line: string): LogLine {
  const [, time = null, level = null, rest = line] = HEAD.exec(line) ?? []
  let facts: [string, string][] = []
  let begin = rest.length
  let end = -1
  for (const { 0: whole, 1: name = '', 2: value = '', index } of rest.matchAll(FACT)) {
    if (index !== end) {
      facts = []
      begin = index
    }
    end = index + whole.length
    facts.push([name, value.startsWith('"') ? (JSON.parse(value) as string) : value])
  }
  // What the message itself says with an equals sign is followed by more of it.
  const isAtEnd = time !== null && end === rest.length
  if (!isAtEnd) return { time, level, message: rest, facts: {} }
  return { time, level, message: rest.slice(0, begin), facts: Object.fromEntries(facts) }
}

/** Which lines to print, and how. */
export interface LogChoice {
  /** Only the last so many of those that were there before. */
  readonly last?: number | undefined
  /** Only from this time on, in milliseconds. */
  readonly since?: number | undefined
  readonly json: boolean
}

/** Takes the bytes of a log, and prints the chosen lines. */
export class ChosenLines {
  readonly #choice: LogChoice
  readonly #terminal: Pick<Terminal, 'write'>
  /** The last lines so far; undefined once there is no need to wait for later ones. */
  #waiting: string[] | undefined
  #rest: Buffer = Buffer.alloc(0)
  /** Was the line before chosen? Lines without a time belong to it. */
  #isChosen: boolean

  constructor(choice: LogChoice, terminal: Pick<Terminal, 'write'>) {
    this.#choice = choice
    this.#terminal = terminal
    this.#waiting = choice.last === undefined ? undefined : []
    this.#isChosen = choice.since === undefined
  }

  async write(bytes: Uint8Array): Promise<void> {
    const all = Buffer.concat([this.#rest, bytes])
    const end = all.lastIndexOf('\n') + 1
    this.#rest = Buffer.from(all.subarray(end))
    const lines = all.subarray(0, end).toString().split('\n').slice(0, -1)
    await this.#print(lines.filter((line) => this.#isWanted(line)))
  }

  /** All that was there before has been written: what follows is new. Did that print lines? */
  async caughtUp(): Promise<boolean> {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    if (waiting.length === 0) return false
    await this.#print(waiting)
    return true
  }

  /** The file has ended: its last line may have no end. */
  async end(): Promise<void> {
    if (this.#rest.byteLength > 0) await this.write(Buffer.from('\n'))
  }

  #isWanted(line: string): boolean {
    const { since } = this.#choice
    if (since === undefined) return true
    const [, time] = HEAD.exec(line) ?? []
    if (time !== undefined) this.#isChosen = Date.parse(time) >= since
    return this.#isChosen
  }

  async #print(lines: readonly string[]): Promise<void> {
    if (this.#waiting !== undefined) {
      this.#waiting = [...this.#waiting, ...lines].slice(-this.#choice.last!)
      return
    }
    const { json } = this.#choice
    const shown = lines.map((line) => `${json ? JSON.stringify(parseLogLine(line)) : line}\n`)
    if (shown.length > 0) await this.#terminal.write(shown.join(''))
  }
}
