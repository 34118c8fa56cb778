/**
 * The process that is killed: puts and removes versions of a tree, two at a time, and tells its
 * parent of each before and after, a line each. What it told `done` must survive it. Arguments:
 * directory, files of a version.
 */
import { writeSync } from 'node:fs'
import { SILENT } from '../../../src/log.ts'
import { openNode } from '../../../src/node/open.ts'
import { VERSIONS, putVersion, versionOf } from './versions.ts'

const [dir, files] = process.argv.slice(2) as [string, string]

const node = await openNode({
  dir,
  role: 'standalone',
  store: 'disk',
  cacheBytes: 64 << 20,
  log: SILENT,
})

/** A write to a pipe of less than a page is whole, and is with the parent when this returns. */
const tell = (...words: readonly (string | number)[]): void => {
  writeSync(1, `${words.join(' ')}\n`)
}

/** Puts and removes these versions, one after the other. */
async function work(versions: readonly number[]): Promise<void> {
  for (let round = 0; ; round++) {
    for (const n of versions) {
      const version = versionOf(n, Number(files))
      const name = `versions/${n}`
      tell('put', n)
      await putVersion(node, version, name)
      tell('done', 'put', n)
      if (Math.random() < 0.7) {
        tell('remove', n)
        if (round % 2 === 0) await node.index.unbind(name)
        else await node.index.remove(version.root, { force: true })
        tell('done', 'remove', n)
      }
    }
  }
}

tell('ready')
const all = Array.from({ length: VERSIONS }, (_, n) => n)
await Promise.all([work(all.filter((n) => n % 2 === 0)), work(all.filter((n) => n % 2 === 1))])
