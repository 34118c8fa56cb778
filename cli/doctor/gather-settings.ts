/** Reads the saved settings, and finds the socket that they name. */
import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { readSettings, type Settings } from '../../src/daemon/config/settings.ts'
import { findPlace } from '../../src/daemon/config/socket-place.ts'
import type { StateDirectory } from '../../src/daemon/config/state-directory.ts'
import { absolutePath } from '../../src/daemon/config/working-directory.ts'
import { readCertificate } from '../../src/daemon/process/certificate.ts'
import { asDstoreError, DstoreError } from '../../src/errors.ts'
import type { Flags } from '../flags.ts'
import type { CertificateFacts, Fact } from './facts.ts'

export interface Saved {
  readonly settings: Fact<Settings>
  /** Absolute path of the socket. */
  readonly socket: string
}

/** Reads no pipe, which might wait without an end: that is as bad as a broken file. */
export async function lookAtSettings(
  directory: StateDirectory,
  flags: Pick<Flags, 'dir' | 'socket'>,
): Promise<Saved> {
  const { config } = directory
  const found = await stat(config).catch(() => undefined)
  if (found !== undefined && !found.isFile()) {
    return unread(directory, flags, `${config} is not a regular file`)
  }
  const { socket } = findPlace(flags.dir, flags.socket)
  try {
    return { settings: { value: readSettings(config) }, socket }
  } catch (error) {
    return { settings: { why: asDstoreError(error).message }, socket }
  }
}

/** Reads the files as a start does. Errors: those of `readCertificate`. */
export async function lookAtCertificate(path: string, key: string): Promise<CertificateFacts> {
  for (const one of [path, key]) {
    const found = await stat(one).catch(() => undefined)
    // A pipe might wait without an end.
    if (found?.isFile() === false) {
      throw new DstoreError('unreadable', `${one} is not a regular file`)
    }
  }
  const { validTo } = new X509Certificate(readCertificate({ cert: path, key }).cert)
  const until = new Date(validTo)
  return { path, validTo: until, isExpired: until.getTime() <= Date.now() }
}

/** Without the settings, the socket is the one that was given, or that of every directory. */
export function unread(
  directory: StateDirectory,
  { socket }: Pick<Flags, 'socket'>,
  why: string,
): Saved {
  const given = socket ?? (process.env['DSTORE_SOCKET'] || undefined)
  const path = given === undefined ? directory.socket : absolutePath(given, 'the socket')
  return { settings: { why }, socket: path }
}
