/** The progress of a folder as one line: the step, its files, and their bytes (R007-245). */
import type { OnTreeProgress, TreeProgress } from '../../src/tree/put/tree-progress.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { plural } from '../terminal/terminal.ts'

const WORDS: Readonly<Record<TreeProgress['phase'], string>> = {
  scan: 'found',
  hash: 'hashed',
  store: 'stored',
}

/** `model  hashed 12 of 30 files  45%  1.2GiB of 2.7GiB ...` */
export function showFolder(line: ProgressLine, folder: string): OnTreeProgress {
  let step: TreeProgress['phase'] | undefined
  return ({ phase, doneFiles, totalFiles, doneBytes, totalBytes }) => {
    if (step !== undefined && phase !== step) line.restart()
    step = phase
    const of = totalFiles === undefined ? '' : `${doneFiles} of `
    line.label = `${folder}  ${WORDS[phase]} ${of}${plural(totalFiles ?? doneFiles, 'file')}`
    line.update(doneBytes, totalBytes)
  }
}
