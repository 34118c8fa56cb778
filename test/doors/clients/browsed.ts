/** What the tests of browsing and mounting put at one machine, and find at the other. */
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine, Site } from './site.ts'

/** A folder that was put, and what is to be found of it. */
export interface Browsed {
  /** Its files and their sizes: links are the files that they lead to. */
  readonly files: Readonly<Record<string, number>>
  readonly folder: string
  readonly largeSha256: string
}

/** Bound to the folder. */
export const NAME = 'models/demo/v1'

/** Puts a folder and some names at machine a. */
export function putBrowsed(site: Site): Browsed {
  const folder = site.newFolder('browsed')
  const large = randomBytes(50_000_000)
  const texts: Readonly<Record<string, string | Buffer>> = {
    'config.json': '{}\n',
    'large.bin': large,
    'run.sh': '#!/bin/sh\necho ran\n',
    'sub/deep/ü & %41#?"<.txt': 'odd\n',
  }
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  chmodSync(join(folder, 'run.sh'), 0o755)
  mkdirSync(join(folder, 'empty'))
  symlinkSync('../config.json', join(folder, 'sub/link.json'))
  site.dstore(site.a, 'put', folder, '--name', NAME)
  for (const name of ['both', 'both/below', 'both-other', 'secret/x']) {
    const file = join(site.newFolder('values'), 'value')
    writeFileSync(file, `value of ${name}\n`)
    site.dstore(site.a, 'put', file, '--name', name)
  }
  const sizes = Object.entries(texts).map(([name, text]) => [name, Buffer.byteLength(text)])
  const files = Object.fromEntries([...sizes, ['sub/link.json', 3]]) as Record<string, number>
  const sorted = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const largeSha256 = createHash('sha256').update(large).digest('hex')
  return { files: Object.fromEntries(sorted), folder, largeSha256 }
}

/** A reader's token that sees names below `models/` only. */
export const confinedToken = (site: Site, machine: Machine): string =>
  site.dstore(machine, 'token', 'add', '--role', 'reader', '--prefix', 'models/', '--label', 'few')
