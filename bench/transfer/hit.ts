/**
 * Values that a Local holds: through its socket by `curl` and by `dstore get`, beside a static file
 * from a server on a socket and beside `cat`; and in process.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { median } from '../ratio.ts'
import { MIB, ROUNDS, row, say, withPeers } from './peers.ts'

const bundle = fileURLToPath(new URL('../../dstore.js', import.meta.url))

export async function hit(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'dstore-bench-'))
  const stops: (() => void)[] = []
  try {
    const daemon = async (name: string, args: readonly string[]): Promise<void> => {
      const home = join(dir, name)
      mkdirSync(home)
      const child = spawn(process.execPath, [bundle, 'daemon', '--dir', home, ...args], {
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      stops.push(() => child.kill())
      await once(child.stdout, 'data')
    }
    await daemon('global', ['--global', '--store', 'memory'])
    const ticket = join(dir, 'ticket')
    const invite = [bundle, 'invite', '--dir', join(dir, 'global')]
    writeFileSync(
      ticket,
      execFileSync(process.execPath, invite, { stdio: ['ignore', 'pipe', 'ignore'] }),
    )
    await daemon('local', ['--join', `@${ticket}`, '--cache', '3GiB'])
    const socket = join(dir, 'files.sock')
    const files = createServer((request, response) => {
      const path = join(dir, request.url!.slice(1))
      response.writeHead(200, { 'Content-Length': statSync(path).size })
      void pipeline(createReadStream(path, { highWaterMark: MIB }), response).catch(() => undefined)
    }).listen(socket)
    await once(files, 'listening')
    stops.push(() => files.close())

    say(`a value that is held, median of ${ROUNDS} rounds, in milliseconds: whole processes`)
    row(['', 'Local', 'static', 'cat', 'get', 'to static'])
    for (const [name, bytes] of [
      ['1 KiB', 1024],
      ['1 GiB', 1024 * MIB],
    ] as const) {
      const path = join(dir, `value-${bytes}`)
      writeFileSync(path, Buffer.alloc(bytes, name))
      const local = join(dir, 'local')
      const put = [bundle, 'put', '--quiet', '--dir', local, path]
      const key = execFileSync(process.execPath, put).toString().trim()
      execFileSync(process.execPath, [bundle, 'prefetch', '--dir', local, key])
      const contestants = [
        curl(join(local, 'dstore.sock'), `/v1/values/${key}`),
        curl(socket, `/value-${bytes}`),
        ['cat', path],
        [process.execPath, bundle, 'get', '--quiet', '--dir', local, key],
      ]
      const taken = contestants.map((): number[] => [])
      for (let round = 0; round <= ROUNDS; round++) {
        for (const [i, command] of contestants.entries()) {
          const ms = await runFor(command, bytes)
          if (round > 0) taken[i]!.push(ms)
        }
      }
      const ms = taken.map(median)
      row([name, ...ms.map((one) => one.toFixed(1)), (ms[1]! / ms[0]!).toFixed(2)])
    }
  } finally {
    for (const stop of stops) stop()
    rmSync(dir, { recursive: true, force: true })
  }
  await inProcess()
}

const curl = (socket: string, path: string): string[] => [
  'curl',
  '--silent',
  '--fail',
  '--unix-socket',
  socket,
  `http://localhost${path}`,
]

/** The time of a command whose output `wc -c` reads; it must count this many bytes. */
async function runFor(command: readonly string[], bytes: number): Promise<number> {
  const begin = performance.now()
  const child = spawn('sh', ['-c', '"$@" | wc -c', 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [out] = (await once(child.stdout, 'data')) as [Buffer]
  await once(child, 'close')
  if (Number(out.toString()) !== bytes) throw new Error(`${command.join(' ')}: ${out.toString()}`)
  return performance.now() - begin
}

async function inProcess(): Promise<void> {
  await withPeers(2, async ([global, local]) => {
    const { text: join } = await global!.do({ do: 'open', role: 'global' })
    await local!.do({ do: 'open', role: 'local', join })
    const { text } = await global!.do({
      do: 'put-small',
      bytes: 4096,
      count: 1000,
      seed: 5,
      depth: 16,
    })
    const keys = text.split(' ')
    const many = Array.from({ length: 100 }, () => keys).flat()
    await local!.do({ do: 'ask-small', call: 'get', keys, depth: 16 })
    await local!.do({ do: 'ask-small', call: 'get', keys: many, depth: 1 })
    const { ms } = await local!.do({ do: 'ask-small', call: 'get', keys: many, depth: 1 })
    say(`  get of a held 4 KiB in process: ${((many.length * 1000) / ms).toFixed(0)} a second`)
  })
}
