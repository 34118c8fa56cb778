/** Tries a self-contained package where there is no other Node. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inTemporaryFolder } from './npm.ts'

/** Unpacks the package, and puts, gets and stops with an empty PATH. Throws what went wrong. */
export async function tryPackage(path: string, top: string, version: string): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await promisify(execFile)('tar', ['-xzf', path, '-C', folder])
    const empty = join(folder, 'empty')
    await mkdir(empty)
    const env = { PATH: empty, HOME: folder, DSTORE_DIR: join(folder, 'state') }
    const dstore = async (...words: readonly string[]): Promise<string> => {
      const command = join(folder, top, 'bin/dstore')
      return (await promisify(execFile)(command, words, { cwd: folder, env })).stdout
    }
    expectText(await dstore('--version'), `dstore ${version}\n`)
    const text = 'hello, world\n'
    await writeFile(join(folder, 'file'), text)
    try {
      const key = (await dstore('put', 'file')).trim()
      expectText(await dstore('get', key), text)
    } finally {
      await dstore('stop')
    }
  })
}

function expectText(found: string, expected: string): void {
  if (found !== expected) throw new Error(`found ${JSON.stringify(found)}, not ${expected}`)
}
