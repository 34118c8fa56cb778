/** Verifies what Global counts, on request: one at a time (specs/004-index.md, R004-111). */
import { DstoreError } from '../../../errors.ts'
import type { Store } from '../../../store/store.ts'
import type { Verification, VerifyOptions } from '../../node.ts'
import type { IndexDriver } from '../index-driver.ts'
import { askOf } from '../own-index.ts'
import type { Repair } from '../repair.ts'
import { DirectoryReader } from '../trees/directory-reader.ts'
import { recount } from './recount.ts'

export interface CountVerifierOptions {
  readonly store: Store
  readonly repair: Repair
  readonly driver: IndexDriver
  readonly random: (bytes: number) => Uint8Array
}

export class CountVerifier {
  readonly #options: CountVerifierOptions
  #isRunning = false

  constructor(options: CountVerifierOptions) {
    this.#options = options
  }

  /** Error: `busy` while it runs. */
  async *verify(options: VerifyOptions): AsyncGenerator<Verification, void, undefined> {
    if (this.#isRunning) throw new DstoreError('busy', 'the counts are being verified already')
    this.#isRunning = true
    const { store, repair, driver, random } = this.#options
    const directories = new DirectoryReader(store, repair)
    try {
      yield* recount(
        {
          store,
          random,
          ask: askOf(driver),
          expectMissing: () => driver.index.expectMissing(),
          childrenOf: (...which) => directories.read(...which),
          heal: (digest) => repair.heal(digest),
        },
        options,
      )
    } finally {
      this.#isRunning = false
    }
  }
}
