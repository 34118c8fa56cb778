/**
 * Keeps the identity of a Global in its archive, encrypted, and gets it back from there
 * (specs/011-archive.md, "Rules: the node").
 */
import { join } from 'node:path'
import type { ObjectStore } from '../../../bucket/object-store.ts'
import { DstoreError } from '../../../errors.ts'
import type { Log } from '../../../log.ts'
import { decodeIdentity, encodeIdentity, newIdentity, peerIdOf } from '../../../network/identity.ts'
import {
  checkSecretFolder,
  dropSecret,
  readOrCreateSecret,
  readSecret,
} from '../../../store/file/secret-file.ts'
import { makeArchiveKey, readArchiveKey } from './archive-key.ts'
import {
  IDENTITY_BYTES,
  openSealed,
  peerInSealed,
  sealIdentity,
  type BucketOf,
} from './sealed-identity.ts'

/** In the archive. */
const IDENTITY = 'identity'
const SET = 'set.json'

/** In the state directory. */
const IDENTITY_FILE = 'identity.key'

const NONCE_BYTES = 12

export interface ArchivedIdentityOptions {
  readonly objects: Pick<ObjectStore, 'get' | 'put' | 'place'>
  /** The state directory. */
  readonly dir: string
  /** Path of the key file. */
  readonly keyFile: string | undefined
  readonly random: (bytes: number) => Uint8Array
  readonly log: Log
  /** Default: an archive. */
  readonly of?: BucketOf
}

/** What makes `identity.key` and the object agree; each step may be taken again. */
export interface IdentitySteps {
  /** Writes `identity.key`, if it is in the archive alone: before the network is opened. */
  place(): Promise<void>
  /** Writes the object, if it is missing: once there is a set, before the store begins. */
  archive(): Promise<void>
}

/**
 * Tries key file and identity, and changes nothing (R011-91). Errors: `usage` where a key file is
 * needed and not named; `conflict` if the archive is that of another node; `unreadable` for a wrong
 * key; `not-permitted`, `integrity`, `unreachable`, `unwritable`.
 */
export async function checkIdentity(options: ArchivedIdentityOptions): Promise<IdentitySteps> {
  const { objects, dir, log, of = 'archive' } = options
  const path = join(dir, IDENTITY_FILE)
  const object = await bounded(objects, IDENTITY)
  const secret = await readSecret(path)
  const nothing = (): Promise<void> => Promise.resolve()
  if (object === undefined) {
    await checkKeyFile(options)
    if (secret !== undefined) await decodeIdentity(secret)
    return { place: nothing, archive: () => archive(options, path) }
  }
  const set = await setOf(objects)
  if (secret !== undefined) {
    await compare(options, set, object, secret)
    return { place: nothing, archive: nothing }
  }
  const restored = await open(options, set, object)
  const place = async (): Promise<void> => {
    await readOrCreateSecret(path, () => Promise.resolve(restored))
    log.info(`the identity was restored from the ${of}`, { peer: peerInSealed(object) })
  }
  return { place, archive: nothing }
}

/** Can a key file be read there, or be made? */
async function checkKeyFile({ keyFile, of }: ArchivedIdentityOptions): Promise<void> {
  if (keyFile === undefined) throw needsKeyFile(of)
  if ((await readArchiveKey(keyFile, of)) !== undefined) return
  await checkSecretFolder(keyFile)
}

const needsKeyFile = (of: BucketOf = 'archive'): DstoreError =>
  new DstoreError('usage', `the ${of} of a Global needs a key file for its identity`, {
    hint: `give --${of}-key FILE: it is made if it is missing; keep a copy off this machine`,
  })

async function setOf(objects: ArchivedIdentityOptions['objects']): Promise<Uint8Array> {
  const set = await bounded(objects, SET)
  if (set === undefined) throw new DstoreError('integrity', `${objects.place} has no ${SET}`)
  return set
}

async function archive(
  { objects, keyFile, random, log, of = 'archive' }: ArchivedIdentityOptions,
  path: string,
): Promise<void> {
  if (keyFile === undefined) throw needsKeyFile(of)
  const set = await setOf(objects)
  const isNew = (await readArchiveKey(keyFile, of)) === undefined
  const key = await makeArchiveKey(keyFile, of)
  if (isNew) {
    log.warn(
      `made the key file of the ${of}: keep a copy off this machine, or no restore has this identity`,
      { file: keyFile },
    )
  }
  const isMade = (await readSecret(path)) === undefined
  const secret = await readOrCreateSecret(path, async () => encodeIdentity(await newIdentity()))
  const peer = peerIdOf(await decodeIdentity(secret))
  const sealed = sealIdentity(secret, peer, { set, key }, random(NONCE_BYTES))
  const outcome = await objects.put(IDENTITY, sealed, { ifAbsent: true })
  // A retry may have found its own; any other node there is a fault.
  const there = outcome === 'exists' ? await bounded(objects, IDENTITY) : sealed
  if (there === undefined || peerInSealed(there) !== peer) {
    // Nothing has used it: the next start takes that of the other.
    if (isMade) await dropSecret(path)
    throw ofAnother(objects.place, of)
  }
  log.info(`the identity is in the ${of}, encrypted`, { place: objects.place })
}

/** The secret in the object. */
async function open(
  { objects, keyFile, of = 'archive' }: ArchivedIdentityOptions,
  set: Uint8Array,
  object: Uint8Array,
): Promise<Uint8Array> {
  const peer = peerInSealed(object)
  if (keyFile === undefined) {
    throw new DstoreError('usage', `the identity in ${objects.place} needs its key file`, {
      hint: `give --${of}-key FILE, the file that the first start with it made`,
    })
  }
  const key = await readArchiveKey(keyFile, of)
  if (key === undefined) {
    throw new DstoreError('unreadable', `there is no key file at ${keyFile}`, {
      hint: `put the file there that the first start with --${of}-key made`,
    })
  }
  const secret = openSealed(object, { set, key }, of)
  if (peerIdOf(await decodeIdentity(secret)) !== peer) {
    throw new DstoreError('integrity', 'the archived identity is not that of the node it names')
  }
  return secret
}

/** A key file that is kept elsewhere cannot be tried: that is how it should be. */
async function compare(
  { objects, keyFile, of = 'archive' }: ArchivedIdentityOptions,
  set: Uint8Array,
  object: Uint8Array,
  secret: Uint8Array,
): Promise<void> {
  if (peerInSealed(object) !== peerIdOf(await decodeIdentity(secret)))
    throw ofAnother(objects.place, of)
  const key = keyFile === undefined ? undefined : await readArchiveKey(keyFile, of)
  if (key !== undefined) openSealed(object, { set, key }, of)
}

function ofAnother(place: string, of: BucketOf): DstoreError {
  if (of === 'set') {
    return new DstoreError('conflict', `${place} is of a set that has another identity`, {
      hint: 'the state directory was that of another node: start a member in an empty --dir, see docs/set.md',
    })
  }
  return new DstoreError('conflict', `${place} is the archive of another node`, {
    hint: 'give each store a prefix of its own; to take over that one, start in an empty --dir',
  })
}

/** An object that fits; `integrity` for a larger one. */
async function bounded(
  objects: Pick<ObjectStore, 'get' | 'place'>,
  name: string,
): Promise<Uint8Array | undefined> {
  const bytes = await objects.get(name, { range: { start: 0, end: IDENTITY_BYTES + 1 } })
  if (bytes === undefined || bytes.byteLength <= IDENTITY_BYTES) return bytes
  throw new DstoreError('integrity', `${objects.place}/${name} is too large`)
}
