/** An upgrade replaces the package of a standby that runs: it takes over before its restart. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BUNDLE } from '../../cli/command.ts'
import { DISK } from '../../disk.ts'
import type { Report } from '../../doors/clients/report.ts'
import type { Engine } from '../engine.ts'
import type { JournalEngine } from './engines.ts'
import { type SetDrill, withSet } from './set-drill.ts'

/** Longer than take-over after a kill. */
const TAKE_OVER_MS = 20_000
const SMALL_BYTES = 1000
const LARGE_BYTES = 300_000

export async function testReplaced(
  bucket: Engine,
  journal: JournalEngine,
  report: Report,
): Promise<void> {
  await report.test(
    `${journal.name}: a standby whose package was replaced takes over`,
    async () => {
      const folder = await mkdtemp(join(DISK, 'dstore-package-'))
      try {
        const program = await install(folder)
        const run = (drill: SetDrill): Promise<void> => replace(drill, folder)
        await withSet(bucket, journal, 'replaced', run, { locals: 1, program })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
}

/** As npm would, but for dependencies, which stay where they are. */
async function install(folder: string): Promise<string> {
  const built = dirname(BUNDLE)
  const dist = join(folder, 'dist')
  const source = dirname(built)
  for (const name of ['dstore.js', 'library.js', 'chunks', 'ui']) {
    await cp(join(built, name), join(dist, name), { recursive: true })
  }
  await cp(join(source, 'package.json'), join(folder, 'package.json'))
  await symlink(join(source, 'node_modules'), join(folder, 'node_modules'))
  return join(dist, 'dstore.js')
}

async function replace(drill: SetDrill, folder: string): Promise<void> {
  const active = await drill.whole()
  const standby = drill.members.find((one) => one !== active)!
  const { node } = drill.locals[0]!
  await node.put(randomBytes(SMALL_BYTES))
  // The next version has other files, of other names: a chunk is named by what is in it.
  const chunks = join(folder, 'dist', 'chunks')
  for (const name of await readdir(chunks))
    await rename(join(chunks, name), join(chunks, `_${name}`))
  await writeFile(join(folder, 'dist', 'dstore.js'), 'process.exit(1)\n')
  active.retire()
  active.kill()
  await active.running.end
  const values = [SMALL_BYTES, LARGE_BYTES].map((length) => randomBytes(length))
  const stored = await Promise.all(values.map((value) => node.put(value)))
  assert.equal(await drill.active(TAKE_OVER_MS), standby)
  assert.equal(standby.ends.length, 0, standby.ends[0]?.stderr)
  const status = await standby.status()
  assert.equal(status?.set?.state, 'active')
  for (const [i, value] of values.entries()) {
    const read = await standby.running.ask(async (client) => {
      const { bytes } = await client.get(String(stored[i]!.key))
      const pieces: Uint8Array[] = []
      for await (const piece of bytes) pieces.push(piece)
      return Buffer.concat(pieces)
    })
    assert.ok(value.equals(read))
  }
}
