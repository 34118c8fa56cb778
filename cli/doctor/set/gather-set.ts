/** Looks at the set of a member: files of secrets, engine and bucket, tried from here. */
import { stat } from 'node:fs/promises'
import { readEngineSecrets } from '../../../src/daemon/config/set/engine-secrets.ts'
import type { SetSettings } from '../../../src/daemon/config/set/set-settings.ts'
import { openEngine } from '../../../src/daemon/process/set/open-member.ts'
import { type DstoreError, asDstoreError } from '../../../src/errors.ts'
import type { EngineRoom } from '../../../src/journal/engine/engine.ts'
import { engineLabel } from '../../../src/journal/engine/place.ts'
import type { Journal } from '../../../src/journal/journal.ts'
import { checkSameSet } from '../../../src/set/same-set.ts'
import type { SecretFile, SetFacts } from '../facts.ts'
import { tryBucket } from '../archive/gather-archive.ts'

const LOCAL = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/

/** `isServed`: a daemon tells of the bucket itself, and races it at each start. */
export async function lookAtSet(
  settings: SetSettings & { readonly engine: string },
  isServed: boolean,
  signal: AbortSignal,
): Promise<SetFacts> {
  const { engine, bucket, bucketEndpoint: endpoint, setKey, engineSecrets } = settings
  const place = bucket === undefined ? undefined : { bucket, endpoint }
  const bucketFault =
    isServed || place === undefined
      ? undefined
      : (await tryBucket(place.bucket, endpoint, signal)).fault
  const tried = await tryEngine(engine, engineSecrets, isServed, (journal) => {
    return place && bucketFault === undefined ? tryTogether(journal, place) : undefined
  })
  return {
    engine: engineLabel(engine),
    endpoint,
    isEnginePlain: await isPlain(engine, engineSecrets),
    key: setKey === undefined ? undefined : await lookAtFile(setKey),
    secrets: engineSecrets === undefined ? undefined : await lookAtFile(engineSecrets),
    tried: { engine: tried.fault, bucket: bucketFault, together: tried.together },
    rooms: tried.rooms,
  }
}

interface TriedEngine {
  readonly fault: DstoreError | undefined
  readonly together: DstoreError | undefined
  readonly rooms: readonly EngineRoom[]
}

/**
 * Opens the journal, which checks versions, replicas and how servers write, and closes it. It makes
 * none: one that was lost may have a backup. A daemon may have secrets that this shell has not:
 * then nothing is known from here.
 */
async function tryEngine(
  engine: string,
  secretsFile: string | undefined,
  isServed: boolean,
  look: (journal: Journal) => Promise<DstoreError | undefined> | undefined,
): Promise<TriedEngine> {
  let rooms: readonly EngineRoom[] = []
  const onRooms = (found: readonly EngineRoom[]): void => void (rooms = found)
  try {
    const secrets = await readEngineSecrets(secretsFile, process.env)
    const journal = await openEngine(engine, secrets, { mustExist: true, onRooms })
    try {
      return { fault: undefined, together: await look(journal), rooms }
    } finally {
      await journal.close()
    }
  } catch (error) {
    const fault = asDstoreError(error)
    const isOfShell = ['not-permitted', 'unreadable', 'unsupported'].includes(fault.code)
    return { fault: isServed && isOfShell ? undefined : fault, together: undefined, rooms }
  }
}

/**
 * As a member would that starts without records. A bucket that does not answer this shell is no
 * finding here: nothing is known then.
 */
async function tryTogether(
  journal: Journal,
  { bucket, endpoint }: { readonly bucket: string; readonly endpoint: string | undefined },
): Promise<DstoreError | undefined> {
  try {
    const { openBucket } = await import('../../../src/bucket/s3-objects.ts')
    const url = endpoint === undefined ? {} : { endpoint }
    const objects = await openBucket({ place: bucket, ...url, environment: process.env })
    try {
      await checkSameSet({ journal, objects, hasRecords: false })
    } finally {
      await objects.close()
    }
    return undefined
  } catch (error) {
    const fault = asDstoreError(error)
    return fault.code === 'integrity' || fault.code === 'conflict' ? fault : undefined
  }
}

/** Do entries go to another machine without TLS? */
async function isPlain(engine: string, secretsFile: string | undefined): Promise<boolean> {
  const [, scheme, hosts = ''] = /^([a-z]+):\/\/(?:[^/]*@)?([^/?]*)/.exec(engine) ?? []
  if (scheme === 'tls' || hosts.split(',').every((host) => LOCAL.test(host))) return false
  if (/[?&]sslmode=(require|verify-ca|verify-full)/.test(engine)) return false
  try {
    const { ca, cert } = await readEngineSecrets(secretsFile, {})
    return (ca ?? cert) === undefined
  } catch {
    // A file that is not fit is a finding of its own.
    return true
  }
}

async function lookAtFile(path: string): Promise<SecretFile> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return { path, state: 'missing' }
  return { path, state: (found.mode & 0o077) === 0 ? 'there' : 'open' }
}
