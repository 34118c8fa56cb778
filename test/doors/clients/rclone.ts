/** rclone over WebDAV and over pages of links: lists, copies, mounts. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { confinedToken, NAME, putBrowsed } from './browsed.ts'
import { canMount, filesBelow, mappedSha256, withMount } from './mounts.ts'
import type { Report } from './report.ts'
import { has, run, withSite, type Machine } from './site.ts'

const ROOT = ['both-other', 'both/', 'models/', 'secret/']

/** Tests rclone. */
export async function testRclone(report: Report): Promise<void> {
  if (!has('rclone', 'version')) return report.skipped('rclone', 'apt-get install rclone fuse3')
  await withSite('dav', async (site) => {
    const { files, largeSha256 } = putBrowsed(site)
    const { b } = site
    const remotes = { webdav: webdav(b, b.reader), http: pages(b, b.reader) }

    for (const [kind, { remote, env }] of Object.entries(remotes)) {
      const rclone = (...words: string[]): string => run('rclone', [...QUICK, ...words], { env })
      const lines = (...words: string[]): string[] =>
        rclone(...words)
          .split('\n')
          .slice(0, -1)

      await report.test(`rclone ${kind}: a second machine lists and copies`, async () => {
        deepEqual(lines('lsf', remote).toSorted(), ROOT)
        const within = ['-R', '--files-only', '--include', 'both/**']
        deepEqual(lines('lsf', ...within, remote), ['both/below'])
        equal(rclone('cat', `${remote}both/below`), 'value of both/below\n')
        const listed = lines('lsf', '-R', '--files-only', '--format', 'ps', `${remote}${NAME}`)
        const sizes = listed.map((line): [string, number] => {
          const at = line.lastIndexOf(';')
          return [line.slice(0, at), Number(line.slice(at + 1))]
        })
        deepEqual(Object.fromEntries(sizes), files)
        const copy = site.newFolder(`copy-${kind}`)
        rclone('copy', `${remote}${NAME}`, copy)
        deepEqual(filesBelow(copy), files)
        rclone('check', '--download', `${remote}${NAME}`, copy)
        const [day = ''] = new Date().toISOString().split('T')
        match(rclone('lsl', `${remote}${NAME}/config.json`), new RegExp(` ${day} `))
      })

      await report.test(`rclone ${kind}: a mount reads, and maps 50 MB`, async () => {
        if (!canMount()) return report.skipped('rclone mount', 'needs root and /dev/fuse')
        const path = site.newFolder(`mount-${kind}`)
        const words = ['mount', remote, path, '--daemon', '--read-only']
        await withMount(
          { path, command: ['rclone', ...QUICK, ...words] },
          () => {
            deepEqual(filesBelow(join(path, NAME)), files)
            equal(mappedSha256(join(path, NAME, 'large.bin')), largeSha256)
            equal(readFileSync(join(path, NAME, 'sub/link.json'), 'utf8'), '{}\n')
          },
          env,
        )
      })
    }

    await report.test('rclone: nothing is written, by any token', async () => {
      for (const token of [b.reader, b.writer]) {
        const { remote, env } = webdav(b, token)
        const words = ['copyto', `${remote}both/below`, `${remote}models/new`]
        await rejects(async () => run('rclone', [...QUICK, ...words], { env }), /405/)
      }
      equal(site.dstore(site.a, 'ls', 'models/'), NAME)
    })

    await report.test('rclone: a token with a prefix sees what is below it', async () => {
      const { remote, env } = webdav(b, confinedToken(site, b))
      const list = (path: string): string =>
        run('rclone', [...QUICK, 'lsf', remote + path], { env })
      equal(list(''), 'models/\n')
      match(list(NAME), /^config\.json$/m)
      await rejects(async () => list('secret'), /403|not found/)
    })

    await report.test('rclone: with Global away, what a machine holds is read', async () => {
      site.stopGlobal()
      try {
        const { remote, env } = webdav(b, b.reader)
        const held = site.newFolder('held')
        run('rclone', [...QUICK, 'copy', `${remote}${NAME}`, held], { env })
        deepEqual(filesBelow(held), files)
        await rejects(async () => run('rclone', [...QUICK, 'lsf', remote], { env }), /50[34]/)
      } finally {
        site.startGlobal()
      }
    })
  })
}

/** It tries again for minutes otherwise. */
const QUICK = ['--retries', '1', '--low-level-retries', '1']

interface Remote {
  readonly remote: string
  readonly env: NodeJS.ProcessEnv
}

const NO_CONFIG = { RCLONE_CONFIG: '/dev/null' }

function webdav({ url }: Machine, token: string): Remote {
  const pass = run('rclone', ['obscure', token], { env: NO_CONFIG }).trim()
  return {
    remote: ':webdav:',
    env: {
      ...NO_CONFIG,
      RCLONE_WEBDAV_URL: `${url}/dav/`,
      RCLONE_WEBDAV_VENDOR: 'other',
      RCLONE_WEBDAV_USER: 'any',
      RCLONE_WEBDAV_PASS: pass,
    },
  }
}

function pages({ url }: Machine, token: string): Remote {
  const { host } = new URL(url)
  return {
    remote: ':http:',
    env: { ...NO_CONFIG, RCLONE_HTTP_URL: `http://any:${token}@${host}/dav/` },
  }
}
