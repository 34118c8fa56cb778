/**
 * Builds all that a release publishes and this machine can build into `release`, and tries the
 * package for this machine: `npm run release:dry [-- --base-url=URL]`. Publishes nothing.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { VERSION } from '../../src/node/version.ts'
import { installScript } from './checks.ts'
import { packageFiles } from './contents.ts'
import { ROOT, ownPackage } from './npm.ts'
import { NODE, PLATFORMS, thisPlatform } from './platforms.ts'
import { checksums, tarball } from './tarball.ts'
import { tryPackage } from './trial.ts'

/** A line of the table at the end. Sizes are in bytes. */
interface Result {
  readonly name: string
  readonly bytes: Uint8Array
  /** Of its files, once unpacked. */
  readonly unpacked?: number
  readonly verdict: string
}

const { values } = parseArgs({
  options: { 'base-url': { type: 'string', default: '' }, output: { type: 'string' } },
})
const output = values.output ?? join(ROOT, 'release')
const results: Result[] = []

async function write(result: Result): Promise<void> {
  await writeFile(join(output, result.name), result.bytes)
  results.push(result)
}

await rm(output, { recursive: true, force: true })
await mkdir(output, { recursive: true })
const own = await ownPackage()
await write({ ...own, verdict: 'untried here: test/house/install.slow.ts installs it' })

for (const platform of PLATFORMS) {
  const top = `dstore-${VERSION}-${platform}`
  const name = `${top}.tar.gz`
  process.stderr.write(`building ${name}\n`)
  const files = await packageFiles(own.bytes, platform)
  const unpacked = files.reduce((sum, file) => sum + file.bytes.length, 0)
  const bytes = await tarball(top, files)
  await writeFile(join(output, name), bytes)
  const isTried = platform === thisPlatform()
  if (isTried) await tryPackage(join(output, name), top, VERSION)
  const verdict = isTried ? 'tried: put, get and stop, with an empty PATH' : 'untested'
  await write({ name, bytes, unpacked, verdict })
}

const script = await readFile(join(ROOT, 'packaging/self-contained/install.sh'), 'utf8')
const install = Buffer.from(installScript(script, values['base-url']))
await write({ name: 'install.sh', bytes: install, verdict: 'untried here: npm test tries it' })
const sums = Buffer.from(checksums(results))
await write({ name: 'SHA256SUMS', bytes: sums, verdict: 'of the files above' })

const megabytes = (size: number): string => `${(size / 1e6).toFixed(1)} MB`
process.stdout.write(`dstore ${VERSION} with Node ${NODE.version}, in ${output}\n`)
for (const { name, bytes, unpacked, verdict } of results) {
  const size = megabytes(bytes.length).padStart(9)
  const installed = unpacked === undefined ? '' : `installed ${megabytes(unpacked)}`
  process.stdout.write(`${name.padEnd(36)} ${size}  ${installed.padEnd(18)}  ${verdict}\n`)
}
