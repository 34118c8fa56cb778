/**
 * State directories that earlier layouts left behind, and what must hold however their opening is
 * interrupted.
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type DiskStore, openDiskStore } from '../../../src/store/disk/disk.ts'
import { inTemporary } from '../temporary.ts'
import { Faulty } from './faulty.ts'

/** Writes the files of a fixture into an empty directory, as its last process left them. */
export async function unpackFixture(fixture: string, directory: string): Promise<void> {
  const root = join('test/fixtures', fixture)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const to = join(directory, path.slice(root.length).replace(/\.gz$/, ''))
    await mkdir(dirname(to), { recursive: true, mode: 0o700 })
    await writeFile(to, gunzipSync(await readFile(path)), { mode: 0o600 })
  }
}

/**
 * Opens a copy of the fixture, "killed" before its first operation on the disk, another one before
 * its second, and so on until an opening comes through; then lets `check` look at each copy.
 * `begin` is what opens beyond the store. Gives the number of operations.
 */
export async function openedAtEveryStep(
  fixture: string,
  check: (directory: string) => Promise<void>,
  begin: (store: DiskStore) => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  for (let step = 0; ; step++) {
    const faulty = new Faulty('kill', step)
    await inTemporary(async (directory) => {
      await unpackFixture(fixture, directory)
      let store: DiskStore | undefined
      try {
        store = await openDiskStore({ directory }, faulty)
        await begin(store)
      } catch (error) {
        if (faulty.hit === undefined) throw error
      } finally {
        await store?.close()
      }
      await check(directory).catch((cause: unknown) => {
        throw new Error(`killed at operation ${step}, ${faulty.hit}`, { cause })
      })
    })
    if (faulty.hit === undefined) return step
  }
}
