/**
 * Files of the daemon as paths for the go command. Each is a link, in a folder of this process, to
 * what this process has open: so it stays whatever becomes of the value (R010-45).
 */
import { createHash } from 'node:crypto'
import { renameSync, rmSync, symlinkSync } from 'node:fs'
import { read } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeDirectories } from '../../src/store/file/directories.ts'
import { MIB } from '../../src/limits.ts'
import type { HeldFile } from './go-store.ts'

const readAt = promisify(read)

export class HeldFiles {
  readonly #folder: string
  readonly #held = new Map<string, HeldFile>()

  /** `folder`: made with the first link. */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** Takes a file over, and returns its SHA-256 and the path of a link to it. */
  async add(file: HeldFile): Promise<{ readonly output: string; readonly path: string }> {
    let output: string
    try {
      output = await hashOf(file)
    } catch (error) {
      file.release()
      throw error
    }
    const path = join(this.#folder, `${output}-d`)
    // Two actions may have one output.
    if (this.#held.has(output)) file.release()
    else {
      makeDirectories(this.#folder, 0o700)
      symlinkSync(`/proc/${process.pid}/fd/${file.fd}`, path)
      this.#held.set(output, file)
    }
    return { output, path }
  }

  /**
   * Releases all. From then on each link leads to the file of the daemon: `go list -export` names
   * files to programs that read them after it has ended.
   */
  release(): void {
    for (const [output, file] of this.#held) {
      const path = join(this.#folder, `${output}-d`)
      try {
        const next = `${path}.next`
        symlinkSync(file.path, next)
        renameSync(next, path)
      } catch {
        rmSync(path, { force: true })
      }
      file.release()
    }
    this.#held.clear()
  }
}

async function hashOf({ fd, size }: HeldFile): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(Math.min(size, MIB))
  for (let at = 0; at < size;) {
    const { bytesRead } = await readAt(fd, buffer, 0, buffer.byteLength, at)
    if (bytesRead === 0) throw new Error('the file is shorter than its value')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash.digest('hex')
}
