/**
 * What differs between operating systems (specs/007, "Platforms"): one answer to
 * each question. No other file of the product asks which system this is.
 */
import { DstoreError } from './errors.ts'

/** What a system has beyond POSIX; where it has not, the product takes another way. */
export interface Platform {
  /** Does `/proc/self/fd/N` lead to what is open at the descriptor N? */
  readonly hasDescriptorPaths: boolean
  /** Is the up-time a clock of its own? Elsewhere it is wall time less the time of the start. */
  readonly hasUptimeClock: boolean
  /** Does a write to a descriptor opened with O_DSYNC reach the medium, not only the drive? */
  readonly flushesDrive: boolean
  /** Does a full queue of a Unix socket refuse a connection in another way than a stale socket? */
  readonly tellsFullQueue: boolean
}

export const LINUX: Platform = {
  hasDescriptorPaths: true,
  hasUptimeClock: true,
  flushesDrive: true,
  tellsFullQueue: true,
}

/** macOS, and every system of which nothing more is known. */
export const PORTABLE: Platform = {
  hasDescriptorPaths: false,
  hasUptimeClock: false,
  flushesDrive: false,
  tellsFullQueue: false,
}

/** The facts of a system by Node's name for it. `DSTORE_PORTABLE=1` hides what only Linux has. */
export function platformOf(
  system: string,
  environment: Readonly<Record<string, string | undefined>>,
): Platform {
  return system === 'linux' && environment['DSTORE_PORTABLE'] !== '1' ? LINUX : PORTABLE
}

export const PLATFORM: Platform = platformOf(process.platform, process.env)

/** Operating system and processor, as the names of compiled files have them: `linux-x64`. */
export const SYSTEM: string = `${process.platform}-${process.arch}`

/** The user of this process; undefined where users have no numbers. */
export const USER_ID: number | undefined = process.getuid?.()

/** Which compiled hash a user wants (R002-20): `0` for none, or the path of one. */
export const NATIVE_CHOICE: string | undefined = process.env['DSTORE_NATIVE']

/** Throws `unsupported` on Windows, before a command or a node does anything (R007-175). */
export function checkSystem(system: string = process.platform): void {
  if (system !== 'win32') return
  throw new DstoreError('unsupported', 'dstore does not run on Windows', {
    hint: 'use it in WSL 2, where it runs as on Linux: `wsl --install`',
  })
}

/** Why a package with compiled code is not there for this system; undefined if it is built. */
export function whyNotBuilt(
  system: string = process.platform,
  processor: string = process.arch,
): string | undefined {
  if (/^(linux|darwin)$/.test(system) && /^(x64|arm64)$/.test(processor)) return undefined
  return `it is built for Linux and macOS on x64 and arm64, not for ${system} on ${processor}`
}
