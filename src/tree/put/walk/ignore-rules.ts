/** Which entries a put leaves out: patterns as in a `.gitignore` (R008-46). */
import ignore from 'ignore'
import type { Ignore } from 'ignore'

/** The library remembers every path that it was asked for. */
const REMEMBERED_PATHS = 10_000

const OPTIONS = { ignorecase: false }

export class IgnoreRules {
  readonly #patterns: Ignore
  #rules: Ignore
  #asked = 0

  /** The lines of an ignore file. */
  constructor(text: string) {
    this.#patterns = ignore(OPTIONS).add(text)
    this.#rules = this.#fresh()
  }

  /** Is an entry left out whose folders are not? `relative` is its path below the root. */
  ignores(relative: string, isFolder: boolean): boolean {
    if (++this.#asked > REMEMBERED_PATHS) {
      this.#rules = this.#fresh()
      this.#asked = 0
    }
    return this.#rules.ignores(isFolder ? `${relative}/` : relative)
  }

  #fresh(): Ignore {
    return ignore(OPTIONS).add(this.#patterns)
  }
}
