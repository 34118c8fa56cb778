/** Tells how far a restore is, in the log, which is on stderr in the foreground. */
import type { RestoreProgress } from '../../../archive/restore.ts'
import type { Log } from '../../../log.ts'

/** Between two lines of one step. */
const EVERY_MS = 2000

const STEPS: Readonly<Record<RestoreProgress['step'], string>> = {
  snapshot: 'restoring: loading the snapshot',
  journal: 'restoring: applying the journal',
  fence: 'restoring: fencing the node that had the archive',
}

export function progressOnLog(
  log: Pick<Log, 'info'>,
  now: () => number = () => performance.now(),
): (progress: RestoreProgress) => void {
  let last: { step: string; at: number } | undefined
  return ({ step, done, total }) => {
    const isNew = last?.step !== step
    if (!isNew && done < total && now() - last!.at < EVERY_MS) return
    last = { step, at: now() }
    log.info(STEPS[step], { done, total })
  }
}
