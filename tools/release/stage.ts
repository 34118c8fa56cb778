/**
 * `node dist/tools/release/stage.js ARCHITECTURE FOLDER`: writes what the container image holds
 * beside its Node: the command line, and the packages with binaries for amd64 or arm64.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { programFiles } from './contents.ts'
import { ownPackage } from './npm.ts'
import type { Platform } from './platforms.ts'

/** As Docker calls them. */
const ARCHITECTURES: Readonly<Record<string, Platform>> = {
  amd64: 'linux-x64',
  arm64: 'linux-arm64',
}

const [architecture = '', folder] = process.argv.slice(2)
const platform = ARCHITECTURES[architecture]
if (platform === undefined || folder === undefined) {
  throw new TypeError(`usage: stage.js ${Object.keys(ARCHITECTURES).join('|')} FOLDER`)
}
const { bytes } = await ownPackage()
for (const file of await programFiles(bytes, platform)) {
  const path = join(folder, file.path)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, file.bytes)
}
await chmod(join(folder, 'dist/dstore.cjs'), 0o755)
