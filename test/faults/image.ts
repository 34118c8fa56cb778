/** A file system in an image, which is copied as a power cut would leave it. Needs root. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

/** No write reaches the image by the passing of time: only by a sync. */
const MOUNT = 'loop,commit=600,noatime'

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

export function canMount(): boolean {
  try {
    return (
      process.getuid?.() === 0 && existsSync('/dev/loop-control') && run('mkfs.ext4', '-V') === ''
    )
  } catch {
    return false
  }
}

export class Disk {
  readonly #image: string
  readonly path: string

  /** An empty one, mounted at `path` until the test ends. `size` as `truncate` has it. */
  constructor(
    t: ExecutionContext,
    { path, image, size }: Record<'path' | 'image' | 'size', string>,
  ) {
    this.#image = image
    this.path = path
    run('truncate', `--size=${size}`, image)
    run('mkfs.ext4', '-q', '-F', image)
    mkdirSync(path)
    run('mount', '-o', MOUNT, image, path)
    rmdirSync(join(path, 'lost+found'))
    chmodSync(path, 0o700)
    t.teardown(() => run('umount', '-l', path))
  }

  /** Runs something on a copy that is mounted, as the disk is after a power cut at this moment. */
  afterPowerCut<T>(look: (path: string) => T): T {
    const copy = this.#copy()
    const mounted = `${this.path}-copy`
    mkdirSync(mounted)
    run('mount', '-o', 'loop', copy, mounted)
    try {
      return look(mounted)
    } finally {
      run('umount', mounted)
      rmSync(mounted, { recursive: true })
      rmSync(copy)
    }
  }

  /**
   * Cuts the power: what is written from now on is lost. No process may have a file of it open when
   * `ended` resolves.
   */
  async cutPower(ended: () => Promise<unknown>): Promise<void> {
    const copy = this.#copy()
    await ended()
    run('umount', this.path)
    renameSync(copy, this.#image)
    run('mount', '-o', MOUNT, this.#image, this.path)
  }

  #copy(): string {
    const copy = `${this.#image}-copy`
    run('cp', '--sparse=always', this.#image, copy)
    return copy
  }
}
