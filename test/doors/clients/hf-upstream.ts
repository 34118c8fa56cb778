/**
 * The read-through of the door `hf`, with Hugging Face's own Python client (`PYTHON`: default
 * `python3`): a second dstore is the upstream, with a token of its own.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Report } from './report.ts'
import { has, withSite, type Machine, type Site } from './site.ts'

const PYTHON = process.env['PYTHON'] ?? 'python3'

const TOKEN = 'DSTORE_HF_UPSTREAM_TOKEN'

const REPO = 'acme/tiny'

const start = promisify(execFile)

/** Runs Python with the client set to a machine's door; what it printed. */
async function python(
  site: Site,
  { url, reader }: Machine,
  home: string,
  lines: readonly string[],
): Promise<string> {
  const env = {
    ...process.env,
    HF_HOME: site.newFolder(home),
    HF_ENDPOINT: `${url}/hf`,
    HF_TOKEN: reader,
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
  }
  const { stdout } = await start(PYTHON, ['-c', lines.join('\n')], { env })
  return stdout.trim()
}

const SNAPSHOT = [
  'from huggingface_hub import snapshot_download',
  `print(snapshot_download("${REPO}"))`,
]

const digestOf = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex')

/** GETs of the door at a machine that were answered with bytes. */
async function countOf({ url, reader }: Machine): Promise<number> {
  const headers = { Authorization: `Bearer ${reader}` }
  const text = await (await fetch(`${url}/metrics`, { headers })).text()
  const line = text
    .split('\n')
    .find(
      (one) =>
        one.startsWith('dstore_door_requests_total') &&
        ['door="/hf"', 'method="GET"', 'status="200"'].every((label) => one.includes(label)),
    )
  return Number(line?.split(' ').at(-1) ?? 0)
}

export async function testHfUpstream(report: Report): Promise<void> {
  if (!has(PYTHON, '-c', 'import huggingface_hub')) {
    report.skipped('huggingface_hub (read-through)', `${PYTHON} -m pip install huggingface_hub`)
    return
  }
  await withSite('hf', async (upstream) => {
    const folder = upstream.newFolder('repo')
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'config.json'), '{"hidden": 1}\n')
    writeFileSync(join(folder, 'sub', 'vocab.txt'), 'a\nb\n')
    writeFileSync(join(folder, 'model.safetensors'), randomBytes(24 * 1024 * 1024))
    upstream.dstore(upstream.global, 'hf', 'publish', folder, REPO)
    process.env[TOKEN] = upstream.global.reader
    const url = `${upstream.global.url}/hf`
    try {
      await withSite('hf', (site) => readThrough(report, upstream, site, folder), [
        '--hf-upstream',
        url,
      ])
    } finally {
      delete process.env[TOKEN]
    }
  })
  await slowly(report)
}

async function readThrough(
  report: Report,
  upstream: Site,
  site: Site,
  folder: string,
): Promise<void> {
  const check = (copy: string): void => {
    for (const path of ['config.json', 'sub/vocab.txt', 'model.safetensors']) {
      if (digestOf(join(copy, path)) !== digestOf(join(folder, path))) throw new Error(path)
    }
  }
  await report.test('hf-upstream: 8 clients of a Local have each file fetched once', async () => {
    const before = await countOf(upstream.global)
    const copies = await Promise.all(
      Array.from({ length: 8 }, (_, at) => python(site, site.a, `home-${at}`, SNAPSHOT)),
    )
    copies.forEach(check)
    const requests = (await countOf(upstream.global)) - before
    // A revision, a page of its tree, and three files.
    if (requests !== 5) throw new Error(`${requests} requests to the upstream`)
  })
  upstream.dstore(upstream.global, 'stop')
  await report.test('hf-upstream: a second machine is served without the upstream', async () => {
    check(await python(site, site.b, 'home-b', SNAPSHOT))
  })
  await report.test('hf-upstream: with Global away, what a Local holds is served', async () => {
    site.stopGlobal()
    try {
      check(await python(site, site.b, 'home-away', SNAPSHOT))
    } finally {
      site.startGlobal()
    }
  })
  await report.test('hf-upstream: what nobody fetched fails with the upstream away', async () => {
    const tried = [
      'from huggingface_hub import HfApi',
      'from huggingface_hub.errors import HfHubHTTPError',
      'try: HfApi().model_info("acme/other")',
      'except HfHubHTTPError as error: print(error.response.status_code)',
    ]
    const status = await python(site, site.a, 'home-other', tried)
    if (status !== '503') throw new Error(status)
  })
  upstream.dstore(upstream.global, 'start')
}

/** Longer than the 10 s of silence after which the client gives up. */
const SLOW_MS = 14_000

/** One file in Git LFS, whose bytes take their time. */
async function slowUpstream(bytes: Uint8Array): Promise<Server> {
  const commit = 'c'.repeat(40)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const oid = 'd'.repeat(40)
  const size = bytes.byteLength
  const file = { type: 'file', path: 'slow.bin', size, oid }
  const tree = JSON.stringify([{ ...file, lfs: { oid: sha256, size, pointerSize: 134 } }])
  const server = createServer(({ url = '' }, response) => {
    if (url.includes('/revision/')) response.end(JSON.stringify({ sha: commit }))
    else if (url.includes('/tree/')) response.end(tree)
    else setTimeout(() => response.end(bytes), SLOW_MS)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return server
}

async function slowly(report: Report): Promise<void> {
  const bytes = randomBytes(1_000_000)
  const server = await slowUpstream(bytes)
  const { port } = server.address() as AddressInfo
  try {
    await withSite(
      'hf',
      (site) =>
        report.test('hf-upstream: a client waits longer than its time-out of 10 s', async () => {
          const copy = await python(site, site.a, 'home-slow', [
            'from huggingface_hub import hf_hub_download',
            'print(hf_hub_download("acme/slow", "slow.bin"))',
          ])
          if (!readFileSync(copy).equals(bytes)) throw new Error('other bytes')
        }),
      ['--hf-upstream', `http://127.0.0.1:${port}`],
    )
  } finally {
    server.close()
  }
}
