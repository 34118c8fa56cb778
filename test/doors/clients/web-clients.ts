/** curl and cadaver at the door for browsing and mounting. */
import { equal, match, rejects } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NAME, putBrowsed } from './browsed.ts'
import type { Report } from './report.ts'
import { has, run, withSite } from './site.ts'

/** Tests curl. */
export async function testCurl(report: Report): Promise<void> {
  if (!has('curl')) return report.skipped('curl', 'apt-get install curl')
  await withSite('dav', async (site) => {
    const { largeSha256 } = putBrowsed(site)
    const { url, reader } = site.b
    const curl = (...words: string[]): string =>
      run('curl', ['--silent', '--fail', '--user', `any:${reader}`, ...words])

    await report.test('curl: pages, files, parts, and a download that goes on', async () => {
      match(curl('--location', `${url}/dav/models`), /<a href="demo\/">demo\/<\/a>/)
      equal(curl('--range', '0-0', `${url}/dav/${NAME}/config.json`), '{')
      const file = join(site.folder, 'download')
      writeFileSync(file, readFileSync(join(site.folder, 'browsed/large.bin')).subarray(0, 1000))
      curl('--continue-at', '-', '--output', file, `${url}/dav/${NAME}/large.bin`)
      equal(createHash('sha256').update(readFileSync(file)).digest('hex'), largeSha256)
      await rejects(async () => run('curl', ['--silent', '--fail', `${url}/dav/`]), /curl.*22/)
      await rejects(async () => curl('--upload-file', file, `${url}/dav/new`), /curl.*22/)
    })
  })
}

/** Tests cadaver. */
export async function testCadaver(report: Report): Promise<void> {
  if (!has('sh', '-c', 'command -v cadaver'))
    return report.skipped('cadaver', 'apt-get install cadaver')
  await withSite('dav', async (site) => {
    putBrowsed(site)
    const { url, reader } = site.b

    await report.test('cadaver: lists and gets', async () => {
      const { hostname } = new URL(url)
      const home = site.newFolder('home')
      writeFileSync(join(home, '.netrc'), `machine ${hostname} login any password ${reader}\n`, {
        mode: 0o600,
      })
      const printed = run('cadaver', [`${url}/dav/${NAME}/`], {
        cwd: home,
        env: { HOME: home },
        input: 'ls\nget run.sh\nquit\n',
      })
      match(printed, /Coll: +sub/)
      match(printed, /\*?run\.sh +19/)
      equal(readFileSync(join(home, 'run.sh'), 'utf8'), '#!/bin/sh\necho ran\n')
    })
  })
}
