/** davfs2: the kernel's mount of WebDAV. */
import { deepEqual, equal, throws } from 'node:assert/strict'
import { chmodSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NAME, putBrowsed } from './browsed.ts'
import { canMount, filesBelow, mappedSha256, withMount } from './mounts.ts'
import type { Report } from './report.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

/** Tests davfs2. */
export async function testDavfs2(report: Report): Promise<void> {
  if (!has('mount.davfs', '--version')) return report.skipped('davfs2', 'apt-get install davfs2')
  if (!canMount()) return report.skipped('davfs2', 'needs root and /dev/fuse')
  await withSite('dav', async (site) => {
    const { files, largeSha256 } = putBrowsed(site)
    const { b } = site

    await report.test('davfs2: a second machine mounts names and directories', async () => {
      const { path, command } = mountOf(site, b, '/dav/', 'all')
      await withMount({ path, command }, () => {
        const names = readdirSync(path).filter((name) => name !== 'lost+found')
        deepEqual(names.toSorted(), ['both', 'both-other', 'models', 'secret'])
        deepEqual(filesBelow(join(path, NAME)), files)
        equal(mappedSha256(join(path, NAME, 'large.bin')), largeSha256)
        equal(readFileSync(join(path, 'both/below'), 'utf8'), 'value of both/below\n')
        equal(run(join(path, NAME, 'run.sh'), []), 'ran\n')
        equal(statSync(join(path, NAME, 'config.json')).mode & 0o777, 0o644)
        throws(() => writeFileSync(join(path, 'new'), ''), /EROFS/)
      })
    })

    await report.test('davfs2: with Global away, a directory that is held is mounted', async () => {
      site.stopGlobal()
      try {
        const { path, command } = mountOf(site, b, `/dav/${NAME}/`, 'held')
        await withMount({ path, command }, () => {
          equal(mappedSha256(join(path, 'large.bin')), largeSha256)
        })
      } finally {
        site.startGlobal()
      }
    })
  })
}

function mountOf(
  site: Site,
  { url, reader }: Machine,
  from: string,
  name: string,
): { readonly path: string; readonly command: readonly string[] } {
  // Its daemon is of a user of its own.
  chmodSync(site.folder, 0o711)
  const cache = site.newFolder(`davfs2-${name}`)
  run('chgrp', ['davfs2', cache])
  chmodSync(cache, 0o1775)
  const [secrets, conf] = [`${cache}.secrets`, `${cache}.conf`]
  const path = site.newFolder(`mount-${name}`)
  writeFileSync(secrets, `${url}${from} any ${reader}\n`, { mode: 0o600 })
  // Newer kernels ask for more than its buffer of 16 KiB when a folder is listed.
  writeFileSync(conf, `buf_size 64\nuse_locks 0\nsecrets ${secrets}\ncache_dir ${cache}\n`)
  return { path, command: ['mount.davfs', '-o', `ro,conf=${conf}`, `${url}${from}`, path] }
}
