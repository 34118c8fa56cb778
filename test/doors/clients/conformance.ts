/** The suite of IPFS's gateways, as far as it is about raw blocks, against the door `ipfs`. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestName } from '../../../src/hash/foreign-digest.ts'
import { blocksOfCar } from '../ipfs/car.ts'
import type { Report } from './report.ts'
import { has, run, withSite, type Site } from './site.ts'

/** The module, and the commit that this was written for. */
const SUITE = 'github.com/ipfs/gateway-conformance@22c76440'

/** Where there is a checkout of it: not every proxy of modules has it. */
const CHECKOUT = 'GATEWAY_CONFORMANCE'

const TESTS = '^TestTrustlessRaw(Ranges)?$'
const FIXTURES = 'gateway-raw-block.car'
const SHA_256 = 0x12

/** The folder of its sources; undefined if Go cannot get them. */
function sources(): string | undefined {
  const checkout = process.env[CHECKOUT]
  if (checkout !== undefined && checkout !== '') return checkout
  if (!has('go', 'version')) return undefined
  try {
    const facts = JSON.parse(run('go', ['mod', 'download', '-json', SUITE])) as { Dir?: string }
    return facts.Dir
  } catch {
    return undefined
  }
}

export async function testConformance(report: Report): Promise<void> {
  const folder = sources()
  if (folder === undefined || !existsSync(folder)) {
    const how = `Go, and a proxy that has ${SUITE} or ${CHECKOUT} with the path of a checkout`
    report.skipped('gateway-conformance', how)
    return
  }
  // The suite sends no token.
  await withSite('ipfs', (site) => testAt(site, report, folder), ['--http-public'])
}

async function testAt(site: Site, report: Report, folder: string): Promise<void> {
  await report.test('conformance: raw blocks of a trustless gateway, with ranges', async () => {
    await Promise.resolve()
    putFixtures(site, folder)
    // Another machine than the one that put them.
    const env = { GATEWAY_URL: site.b.url }
    const printed = run('go', ['test', '-count=1', '-v', '-run', TESTS, './tests'], {
      cwd: folder,
      env,
    })
    for (const name of ['TestTrustlessRaw', 'TestTrustlessRawRanges']) {
      if (!printed.includes(`--- PASS: ${name} `)) throw new Error(printed)
    }
  })
}

/** Puts the blocks of the suite under the names that spell their digests. */
function putFixtures(site: Site, folder: string): void {
  const [path] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith(FIXTURES),
  )
  if (path === undefined) throw new Error(`no ${FIXTURES} below ${folder}`)
  const file = join(site.newFolder('fixtures'), 'block')
  for (const { cid, bytes } of blocksOfCar(readFileSync(join(folder, path)))) {
    if (cid.multihash.code !== SHA_256)
      throw new Error(`a block that is not of SHA-256: ${cid.toString()}`)
    writeFileSync(file, bytes)
    site.dstore(site.a, 'put', file, '--name', digestName('sha2-256', cid.multihash.digest))
  }
}
