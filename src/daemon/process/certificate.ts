/**
 * The certificate and key with which the API is served over TLS; they are read again when the files
 * change (R007-337).
 */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { DstoreError } from '../../errors.ts'
import { STATE_CHECK_MS } from '../../limits.ts'
import type { Log } from '../../log.ts'
import { unreadableFile } from '../../store/file/file-faults.ts'

/** Paths of PEM files. */
export interface CertificateFiles {
  /** The certificate, and those of its issuers behind it. */
  readonly cert: string
  readonly key: string
}

/** What the files hold. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Reads both files. Errors: `unreadable`, also for a key that is not that of the certificate;
 * `not-permitted` for a key that every user can read.
 */
export function readCertificate(files: CertificateFiles): Certificate {
  const [cert, key] = [read(files.cert), read(files.key)]
  if ((statSync(files.key).mode & 0o007) !== 0) {
    throw new DstoreError('not-permitted', `${files.key}: every user can read this key`, {
      hint: `chmod o= ${files.key}`,
    })
  }
  try {
    createSecureContext({ cert, key })
  } catch (cause) {
    const why = (cause as Error).message.split(':').at(-1)
    throw new DstoreError('unreadable', `${files.cert} and ${files.key} do not fit: ${why}`, {
      cause,
      hint: 'give a certificate in PEM with --http-cert, and its own key with --http-key',
    })
  }
  return { cert, key }
}

/**
 * Calls `use` with what the files hold whenever they change. Files that cannot be used are logged,
 * and those before stay in use. Returns what ends the watch.
 */
export function watchCertificate(
  files: CertificateFiles,
  use: (certificate: Certificate) => void,
  log: Log,
  everyMs: number = STATE_CHECK_MS,
): () => void {
  let seen = stateOf(files)
  const check = (): void => {
    const now = stateOf(files)
    if (now === seen) return
    seen = now
    try {
      use(readCertificate(files))
      log.info('read the certificate again', { certificate: files.cert })
    } catch (error) {
      const { message } = error as Error
      log.warn('kept the certificate in use: the new one cannot be used', { message })
    }
  }
  const timer = setInterval(check, everyMs).unref()
  return () => clearInterval(timer)
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw unreadableFile(path, cause)
  }
}

/** Differs after a change of either file, or of who may read it. */
function stateOf({ cert, key }: CertificateFiles): string {
  return [cert, key]
    .map((path) => {
      const stats = statSync(path, { throwIfNoEntry: false, bigint: true })
      return stats && `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`
    })
    .join(', ')
}
