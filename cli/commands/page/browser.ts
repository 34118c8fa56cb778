/** Opens an address that holds a secret in the browser of the person who types (R013-18). */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../../src/errors.ts'
import { USER_ID } from '../../../src/platform.ts'
import { unwritableFile } from '../../../src/store/file/file-faults.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** A program that fails says so within this time; some live as long as the browser does. */
const FAILURE_MS = 2000

/** The program that opens addresses in this session; undefined where it has no display. */
export function browserIn(environment: Environment, system: string): string | undefined {
  const { DISPLAY = '', WAYLAND_DISPLAY = '', SSH_CONNECTION = '' } = environment
  // A display of macOS is on the machine itself, where another person may sit.
  if (system.startsWith('darwin-')) return SSH_CONNECTION === '' ? 'open' : undefined
  return DISPLAY + WAYLAND_DISPLAY === '' ? undefined : 'xdg-open'
}

/**
 * Opens the address in the browser. Every user of a machine sees the arguments of each process, so
 * the browser is given a file that leads there, and that only its user reads. It stays: when the
 * browser reads it is not known, and its code is soon worth nothing. The next call replaces it.
 */
export async function openIn(
  browser: string,
  url: string,
  environment: Environment = process.env,
): Promise<void> {
  const path = await writeRedirect(url, environment)
  const child = spawn(browser, [path], { detached: true, stdio: 'ignore' })
  child.unref()
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  const waiting = new AbortController()
  try {
    const wait = sleep(FAILURE_MS, 0, { signal: waiting.signal })
    const exit = await Promise.race([ended, wait])
    if (exit === 0) return
    throw new DstoreError('unsupported', `${browser} ended with code ${exit}`)
  } catch (cause) {
    if (cause instanceof DstoreError) throw cause
    throw new DstoreError('unsupported', `${browser} cannot be started`, { cause })
  } finally {
    waiting.abort()
  }
}

/** A file of this user alone that leads a browser to the address. Error: `unwritable`. */
async function writeRedirect(url: string, environment: Environment): Promise<string> {
  const { XDG_RUNTIME_DIR: runtime = '' } = environment
  const folder = isAbsolute(runtime) ? runtime : tmpdir()
  const path = join(folder, `dstore-open-${USER_ID}.html`)
  // Another user may have put something at the path: it is replaced, or this fails.
  const aside = `${path}.${randomBytes(8).toString('hex')}`
  const { href } = new URL(url)
  const head = `<meta charset="utf-8"><meta name="referrer" content="no-referrer">`
  const link = `<title>dstore</title><a href="${href}">Open the page of dstore</a>`
  const text = `<!doctype html>${head}<meta http-equiv="refresh" content="0;url=${href}">${link}\n`
  try {
    await writeFile(aside, text, { flag: 'wx', mode: 0o600 })
    await rename(aside, path)
  } catch (cause) {
    await rm(aside, { force: true })
    throw unwritableFile(`write ${path}`, cause)
  }
  return path
}
