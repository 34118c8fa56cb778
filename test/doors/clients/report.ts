/** What the tests with programs of others print: lines that CI counts. */
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Counts what passed and failed. */
export class Report {
  readonly #suite: string
  #passed = 0
  #failed = 0

  constructor(suite: string = 'doors') {
    this.#suite = suite
  }

  get failed(): number {
    return this.#failed
  }

  get passed(): number {
    return this.#passed
  }

  /** One line for a client that is not here, and how to get it. */
  skipped(client: string, why: string): void {
    say(`skipped: ${client}: ${why}`)
  }

  /** What a test measured. */
  note(text: string): void {
    say(`    ${text}`)
  }

  /** Runs one test, and says how long it took; its failure is printed, and the next one runs. */
  async test(title: string, run: () => Promise<void>): Promise<void> {
    const began = performance.now()
    const told = (): string =>
      `${this.#suite} › ${title} (${((performance.now() - began) / 1000).toFixed(1)}s)`
    try {
      await run()
      this.#passed++
      say(`  ✔ ${told()}`)
    } catch (error) {
      this.#failed++
      say(`  ✘ ${told()}\n${(error as Error).stack ?? String(error)}`)
    }
  }
}
