/**
 * Helia, its client of trustless gateways, and `@helia/verified-fetch`, over `@dstore/blockstore`
 * and over the door `ipfs`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLIENTS_FOLDER, howToInstall, installOurs, isInstalled } from './packages.ts'
import type { Report } from './report.ts'
import { has, run, withSite, type Machine, type Site } from './site.ts'

const FOLDER = 'helia'
const SCRIPT = join(CLIENTS_FOLDER, FOLDER, 'run.js')

/** Helia needs Node 22. */
const LEAST_MAJOR = 22
const NPX_NODE = ['-y', '-p', 'node@24', 'node']

/** The most bytes of a block that IPFS's clients of gateways take. */
const GATEWAY_BYTES = 2_097_152

interface Found {
  readonly cid?: string
  readonly size: number
  readonly sha256: string
}

/** A value that was put, and what is to be read back. */
interface Put extends Found {
  readonly cid: string
}

interface Helia {
  /** Runs the script with these words. */
  (...words: readonly string[]): Found
  /** Runs another program in its folder, with the daemon of this directory. */
  program(text: string, dir: string): Found
}

/** Runs programs by a Node that is new enough; undefined if there is none. */
function heliaHere(): Helia | undefined {
  const isNew = Number(process.versions.node.split('.')[0]) >= LEAST_MAJOR
  if (!isNew && !has('npx', ...NPX_NODE, '--version')) return undefined
  const [command, before] = isNew ? [process.execPath, []] : ['npx', NPX_NODE]
  const found = (words: readonly string[], env: NodeJS.ProcessEnv = {}): Found =>
    JSON.parse(run(command, [...before, ...words], { env })) as Found
  const program = (text: string, dir: string): Found => {
    const file = join(CLIENTS_FOLDER, FOLDER, `page-${process.pid}.mjs`)
    writeFileSync(file, text)
    try {
      return found([file], { DSTORE_DIR: dir })
    } finally {
      rmSync(file)
    }
  }
  return Object.assign((...words: readonly string[]) => found([SCRIPT, ...words]), { program })
}

/** The program that a page shows, which fetches this value, and prints what it found. */
function programOf(page: string, cid: string): string {
  const [, text = ''] = /^```ts\n([^]*?)^```$/m.exec(readFileSync(page, 'utf8')) ?? []
  return `${text.replace('bafkr4i...', cid)}
    const { createHash } = await import('node:crypto')
    const bytes = Buffer.from(await response.arrayBuffer())
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    console.log(JSON.stringify({ size: bytes.byteLength, sha256 }))`
}

export async function testHelia(report: Report): Promise<void> {
  if (!isInstalled(FOLDER, 'helia')) {
    report.skipped('helia', howToInstall(FOLDER))
    return
  }
  const helia = heliaHere()
  if (helia === undefined) {
    report.skipped('helia', `Node ${LEAST_MAJOR} or newer, or npx and a registry that has one`)
    return
  }
  installOurs(FOLDER)
  await withSite('ipfs', (site) => testAt(site, report, helia))
}

/** Puts random bytes at a machine. */
function putNoise(site: Site, machine: Machine, size: number): Put {
  const path = join(site.newFolder('files'), `${size}`)
  const bytes = randomBytes(size)
  writeFileSync(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { cid: site.dstore(machine, 'put', path), size, sha256 }
}

function check(found: Found, { size, sha256 }: Found): void {
  if (found.size === size && found.sha256 === sha256) return
  throw new Error(`read ${found.size} bytes with ${found.sha256}, not ${size} with ${sha256}`)
}

function checkFails(work: () => unknown, message: RegExp): void {
  try {
    work()
  } catch (error) {
    if (message.test(String(error))) return
    throw error
  }
  throw new Error(`did not fail with ${message}`)
}

async function testAt(site: Site, report: Report, helia: Helia): Promise<void> {
  const { a, b } = site
  const test = (title: string, work: () => void): Promise<void> =>
    report.test(`helia: ${title}`, async () => {
      await Promise.resolve()
      work()
    })
  const small = putNoise(site, a, 12)
  const block = putNoise(site, a, 1_500_000)
  const large = putNoise(site, a, 3_000_000)
  const huge = putNoise(site, a, 300_000_000)
  const other = putNoise(site, a, 1000)

  await test('verified-fetch with dstore as the blockstore, 3 MB', () =>
    check(helia('blockstore', b.dir, large.cid), large))
  await test('the program of docs/doors/ipfs.md', () =>
    check(helia.program(programOf('docs/doors/ipfs.md', large.cid), b.dir), large))
  await test('verified-fetch with dstore as a block broker, 3 MB', () =>
    check(helia('broker', b.dir, large.cid), large))
  await test('verified-fetch with dstore as the blockstore, 300 MB', () =>
    check(helia('blockstore', b.dir, huge.cid), huge))
  await test('verified-fetch with dstore as a block broker, 300 MB', () =>
    check(helia('broker', b.dir, huge.cid), huge))
  await test('a file imported as UnixFS at one machine is read at another', () => {
    const imported = helia('import', a.dir, '3000000')
    check(helia('file', b.dir, imported.cid!), imported)
  })
  await test("a gateway's blocks with a reader's token, at most 2 MiB", () => {
    check(helia('gateway', b.url, b.reader, small.cid), small)
    check(helia('gateway', b.url, b.reader, block.cid), block)
    checkFails(
      () => helia('gateway', b.url, b.reader, large.cid),
      new RegExp(`greater than the limit \\(${GATEWAY_BYTES}\\)`),
    )
    check(helia('gateway', b.url, b.reader, large.cid, String(large.size)), large)
    checkFails(() => helia('gateway', b.url, 'wrong', small.cid), /received 401/)
  })

  site.stopGlobal()
  await test('with Global away, what is held is read, and nothing else', () => {
    check(helia('gateway', b.url, b.reader, block.cid), block)
    check(helia('blockstore', b.dir, block.cid), block)
    checkFails(() => helia('gateway', b.url, b.reader, other.cid), /received 503/)
  })
  site.startGlobal()
}
