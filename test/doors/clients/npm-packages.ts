/** Clients that come from npm, pinned in the folder `npm` beside this file. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const FOLDER = 'test/doors/clients/npm'

/** How to get them. */
export const HOW: string = `npm ci --prefix ${FOLDER}`

/** The path of a program of these packages; undefined if they are not installed. */
export function npmProgram(name: string): string | undefined {
  const path = resolve(FOLDER, 'node_modules', '.bin', name)
  return existsSync(path) ? path : undefined
}

/** The folder of a package of these. */
export const npmPackage = (name: string): string => resolve(FOLDER, 'node_modules', name)

/** Switches telemetry and services of others off. */
export const QUIET: Readonly<Record<string, string>> = {
  DO_NOT_TRACK: '1',
  TURBO_TELEMETRY_DISABLED: '1',
  NX_NO_CLOUD: 'true',
  NX_DAEMON: 'false',
  NX_TUI: 'false',
  CI: '1',
}
