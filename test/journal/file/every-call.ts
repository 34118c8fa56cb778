/** Power cuts, ends and faults at every call that the journal makes. */
import { seeded } from '../../wire/seeded.ts'
import { Told, check, live } from './scenario.ts'
import { SimDisk, type SimFault } from './sim-disk.ts'

const APPENDS = 13
export type End = 'power cut' | 'kill' | 'kill, then power cut'

/** Two lives of which the second ends at a call, then two that must find everything. */
async function run(seed: number, fault: SimFault, end: End, sectorBytes: number): Promise<void> {
  const disk = new SimDisk({ random: seeded(seed), sectorBytes })
  const told = new Told()
  await live(disk.files(), told, { appends: APPENDS })
  disk.fault = fault
  await live(disk.files(), told, { appends: APPENDS }).catch(() => undefined)
  if (end === 'power cut') disk.powerCut()
  else disk.kill()
  await check(disk, told)
  if (end === 'kill, then power cut') disk.powerCut()
  await check(disk, told)
  // It goes on, and its next crash loses nothing either.
  await live(disk.files(), told, { appends: 5 })
  disk.powerCut()
  await check(disk, told)
}

export async function everyCall(
  fault: Pick<SimFault, 'kind' | 'code' | 'only'>,
  end: End,
  { sectorBytes, seeds = 1 }: { readonly sectorBytes: number; readonly seeds?: number },
): Promise<string[]> {
  const hits = new Set<string>()
  for (let seed = 1; seed <= seeds; seed++) {
    for (let at = 0; ; at++) {
      const one: SimFault = { ...fault, left: at, hit: undefined }
      try {
        await run(seed * 1000 + at, one, end, sectorBytes)
      } catch (error) {
        throw new Error(`seed ${seed}, call ${at}, ${one.hit}, ${end}`, { cause: error })
      }
      if (one.hit === undefined) break
      hits.add(one.hit)
    }
  }
  return [...hits].toSorted()
}

/** Every call that the scenario is known to make: none may be missed because it changed. */
export const CALLS: readonly string[] = [
  'create',
  'list',
  'makeDirectory',
  'open',
  'openDurable',
  'read',
  'remove',
  'rename',
  'size',
  'sync',
  'syncDirectory',
  'write',
]
