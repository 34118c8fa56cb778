/** Power cuts, ends and faults at every call that the journal makes. */
import { seeded } from '../../wire/seeded.ts'
import { Told, check, live } from './scenario.ts'
import { SimDisk, type SimFault } from './sim-disk.ts'

const APPENDS = 13

/** `next life`: the process ends; the next one goes on, and the power is cut at some call of it. */
export type End = 'power cut' | 'kill' | 'kill, then power cut' | 'kill, power cut in the next life'

interface Circumstances {
  readonly sectorBytes: number
  readonly seeds?: number
  /** Does a durable write stay in the cache of the drive until a sync? */
  readonly needsSync?: boolean
}

/** Two lives of which the second ends at a call, then some that must find everything. */
async function run(
  seed: number,
  fault: SimFault,
  end: End,
  { sectorBytes, needsSync = false }: Circumstances,
): Promise<void> {
  const random = seeded(seed)
  const disk = new SimDisk({ random, sectorBytes, needsSync })
  const told = new Told()
  const platform = { flushesDrive: !needsSync }
  await live(disk.files(), told, { appends: APPENDS, platform })
  disk.fault = fault
  await live(disk.files(), told, { appends: APPENDS, platform }).catch(() => undefined)
  if (end === 'power cut') disk.powerCut()
  else disk.kill()
  if (end === 'kill, power cut in the next life') {
    const left = Math.floor(random() * 60)
    disk.fault = { kind: 'end', code: 'EIO', left, hit: undefined }
    await live(disk.files(), told, { appends: 4, platform }).catch(() => undefined)
    disk.powerCut()
  }
  await check(disk, told)
  if (end === 'kill, then power cut') disk.powerCut()
  await check(disk, told)
  // It goes on, and its next crash loses nothing either.
  await live(disk.files(), told, { appends: 5, platform })
  disk.powerCut()
  await check(disk, told)
}

export async function everyCall(
  fault: Pick<SimFault, 'kind' | 'code' | 'only'>,
  end: End,
  circumstances: Circumstances,
): Promise<string[]> {
  const hits = new Set<string>()
  for (let seed = 1; seed <= (circumstances.seeds ?? 1); seed++) {
    for (let at = 0; ; at++) {
      const one: SimFault = { ...fault, left: at, hit: undefined }
      try {
        await run(seed * 1000 + at, one, end, circumstances)
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
