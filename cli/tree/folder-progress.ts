/** What the progress line of a folder shows while it is hashed and stored. */
import type { TreeProgress } from '../../src/tree/put/tree-progress.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { plural } from '../terminal/terminal.ts'

const WORDS: Readonly<Record<TreeProgress['phase'], string>> = {
  scan: 'found',
  hash: 'hashed',
  store: 'stored',
}

/** `model  hashed 12 of 30 files  45% ...`. */
export class FolderProgress {
  readonly #line: ProgressLine
  readonly #folder: string
  #phase: TreeProgress['phase'] | undefined

  constructor(line: ProgressLine, folder: string) {
    this.#line = line
    this.#folder = folder
  }

  update({ phase, doneFiles, totalFiles, doneBytes, totalBytes }: TreeProgress): void {
    if (phase !== this.#phase) this.#line.restart()
    this.#phase = phase
    const count =
      totalFiles === undefined
        ? plural(doneFiles, 'file')
        : `${doneFiles} of ${plural(totalFiles, 'file')}`
    this.#line.label = `${this.#folder}  ${WORDS[phase]} ${count}`
    if (totalBytes === undefined) this.#line.say('')
    else this.#line.update(doneBytes, totalBytes)
  }
}
