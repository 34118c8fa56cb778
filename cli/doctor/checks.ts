/** Every check of `doctor` (R007-132, R007-133). No I/O. */
import { checkArchive } from './archive/check-archive.ts'
import { checkDaemon, checkListen, checkValues, checkVersions } from './check-daemon.ts'
import { checkDirectory, checkSettings } from './check-directory.ts'
import { checkClock, checkGlobal, checkLane } from './check-global.ts'
import { checkDescriptors, checkDisk, checkMemory } from './check-system.ts'
import { checkSet } from './set/check-set.ts'
import type { Facts } from './facts.ts'
import type { Finding, Subject } from './finding.ts'
import { inOrder, reportOn } from './finding.ts'

type Check = (facts: Facts) => readonly Finding[]

const CHECKS: Readonly<Record<Subject, Check>> = {
  directory: checkDirectory,
  settings: checkSettings,
  daemon: checkDaemon,
  global: checkGlobal,
  lane: checkLane,
  clock: checkClock,
  archive: checkArchive,
  set: checkSet,
  disk: checkDisk,
  memory: checkMemory,
  descriptors: checkDescriptors,
  versions: checkVersions,
  listen: checkListen,
  values: checkValues,
}

/** The findings of every check, problems first. A check that fails is a finding itself. */
export function examine(
  facts: Facts,
  checks: Readonly<Record<string, Check>> = CHECKS,
): readonly Finding[] {
  const all = Object.entries(checks).flatMap(([subject, check]) => {
    try {
      return check(facts)
    } catch (error) {
      // A daemon of another version may answer with another document.
      const why = error instanceof Error ? error.message : String(error)
      return [reportOn(subject as Subject).unknown(`what is known cannot be read: ${why}`)]
    }
  })
  return inOrder(all.map((finding) => ({ ...finding, ...forThisNode(finding, facts) })))
}

/**
 * A remedy's commands name this node as `doctor` was told it: as they are, they would act on the
 * default one. Those for another machine are marked with `{other}`, which goes.
 */
function forThisNode({ remedy }: Finding, { selector }: Facts): Pick<Finding, 'remedy'> {
  if (remedy === undefined) return {}
  const chosen = remedy.replaceAll(/`dstore (\w+)/g, (command) => command + selector)
  return { remedy: chosen.replaceAll('{other}', '') }
}
