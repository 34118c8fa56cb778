/**
 * The set that a Global is a member of (specs/012-set.md, "Rules: the node"). Nothing here is a
 * secret: those are in a file, or in the environment.
 */
import { checkBucketEndpoint, checkBucketPlace } from '../bucket-flags.ts'
import { DstoreError } from '../../../errors.ts'
import { absolutePath } from '../working-directory.ts'

export interface SetSettings {
  /** URL of the engine that keeps the journal, without a password. */
  readonly engine?: string
  /** `s3://BUCKET/PREFIX`: large values, snapshots, what members say. */
  readonly bucket?: string
  /** URL of an S3 that is not that of AWS; `none` for AWS. */
  readonly bucketEndpoint?: string
  /** Path of the file with the key that encrypts the identity of the set. */
  readonly setKey?: string
  /** Path of the file with what the engine asks of its users. */
  readonly engineSecrets?: string
  /** What to call this member; default: the name of the machine. */
  readonly member?: string
}

interface Beside extends SetSettings {
  readonly role?: 'standalone' | 'global' | 'local'
  readonly store?: 'memory' | 'disk'
  readonly archive?: string
}

const NONE = 'none'
const NAME = /^[\w .:@+-]{1,64}$/

/** By variable, as in `settings.ts`. */
export const SET_VARIABLES: Readonly<Record<string, (text: string) => SetSettings>> = {
  DSTORE_ENGINE: (engine) => ({ engine }),
  DSTORE_BUCKET: (bucket) => ({ bucket }),
  DSTORE_BUCKET_ENDPOINT: (bucketEndpoint) => ({ bucketEndpoint }),
  DSTORE_SET_KEY: (text) => ({ setKey: absolutePath(text, 'the key file') }),
  DSTORE_ENGINE_SECRETS: (text) => ({ engineSecrets: absolutePath(text, 'the secrets') }),
  DSTORE_MEMBER: (member) => ({ member }),
}

/** As `SHAPES` in `settings.ts`. */
export const SET_SHAPES: readonly (readonly [string, (value: unknown) => boolean])[] = [
  'engine',
  'bucket',
  'bucketEndpoint',
  'setKey',
  'engineSecrets',
  'member',
].map((name) => [name, (value) => typeof value === 'string'])

/** Throws `usage` for what is malformed, without what it says of a secret. */
export function checkSet({ engine, bucket, bucketEndpoint, member }: SetSettings): void {
  if (engine !== undefined) checkEngine(engine)
  if (bucket !== undefined) checkBucketPlace('--bucket', bucket)
  if (bucketEndpoint !== undefined && bucketEndpoint !== NONE) {
    checkBucketEndpoint('--bucket-endpoint', bucketEndpoint)
  }
  if (member !== undefined && !NAME.test(member)) {
    throw new DstoreError(
      'usage',
      'a member has a name of 1 to 64 letters, digits, - . _ : @ and +',
    )
  }
}

/** What was written is not repeated: it goes to logs. */
function checkEngine(engine: string): void {
  const [, scheme, user = ''] = /^([a-z]+):\/\/(?:(.*)@)?/s.exec(engine) ?? []
  if (scheme === undefined || !['nats', 'tls', 'postgres', 'postgresql'].includes(scheme)) {
    throw new DstoreError('usage', 'not the URL of an engine', {
      hint: 'write nats://HOST[,HOST...]/NAME or postgres://HOST[,HOST...]/DATABASE?set=NAME',
    })
  }
  // A password may have any of these, unencoded.
  if (/[:/?@]/.test(user) || /[?&]password=/i.test(engine)) {
    throw new DstoreError('usage', '--engine takes no password: others could read it', {
      hint: 'put it into a file: see --engine-secrets; or give DSTORE_ENGINE_PASSWORD',
    })
  }
}

/** What applies of them. Throws `usage` for flags that nothing would use, or that lack others. */
export function resolveSet(given: SetSettings, merged: Beside): SetSettings {
  const { engine, bucket, bucketEndpoint, setKey, engineSecrets, member } = merged
  const { role, store, archive = NONE } = merged
  if (role === 'local' || role === 'standalone' || role === undefined) {
    if (given.engine === undefined && given.bucket === undefined) return {}
    throw new DstoreError('usage', 'only a Global is a member of a set', {
      hint: role === 'local' ? 'join with a ticket of the set' : 'add --global',
    })
  }
  if (engine === undefined && bucket === undefined) {
    const needing = [
      (given.bucketEndpoint ?? NONE) !== NONE && '--bucket-endpoint',
      given.setKey !== undefined && '--set-key',
      given.engineSecrets !== undefined && '--engine-secrets',
      given.member !== undefined && '--member',
    ].filter((one) => one !== false)
    if (needing.length === 0) return {}
    throw new DstoreError('usage', `${needing.join(', ')}: there is no set`, {
      hint: 'say where it is with --engine and --bucket',
    })
  }
  if (engine === undefined || bucket === undefined || setKey === undefined) {
    const missing = [
      engine === undefined && '--engine URL',
      bucket === undefined && '--bucket s3://BUCKET/PREFIX',
      setKey === undefined && '--set-key FILE',
    ].filter((one) => one !== false)
    throw new DstoreError('usage', `a set also needs ${missing.join(' and ')}`, {
      hint: 'see docs/set.md: the first member makes the key file, the others get a copy',
    })
  }
  if (archive !== NONE) {
    throw new DstoreError('usage', 'a member of a set has no archive of its own', {
      hint: 'leave out --archive: the bucket of the set is its archive; a store that has one moves into a set as an export: see "Moving a store into a set" in docs/set.md',
    })
  }
  if (store === 'memory') {
    throw new DstoreError('usage', 'a member of a set keeps a store on disk', {
      hint: 'leave out --store memory',
    })
  }
  return {
    engine,
    bucket,
    setKey,
    ...(bucketEndpoint !== undefined && bucketEndpoint !== NONE && { bucketEndpoint }),
    ...(engineSecrets !== undefined && { engineSecrets }),
    ...(member !== undefined && { member }),
  }
}
