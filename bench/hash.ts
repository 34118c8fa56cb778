/**
 * The hash layer against its peers, as ratios taken in one interleaved run: `node
 * dist/bench/hash.js` after a build. Peers: @napi-rs/blake-hash (native), @noble/hashes, and b3sum
 * where it is installed. See README.md for the goals.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { blake3 as native } from '@napi-rs/blake-hash'
import { blake3 as noble } from '@noble/hashes/blake3.js'
import { engine } from '../src/hash/engine/active-engine.ts'
import { concat } from '../src/bytes.ts'
import { hash } from '../src/hash/hasher.ts'
import { ScalarEngine } from '../src/hash/engine/scalar-engine.ts'
import { PieceDecoder } from '../src/hash/proof/piece-decoder.ts'
import { planPieces } from '../src/hash/proof/piece-plan.ts'
import { encodeHeader } from '../src/hash/tree/tree.ts'
import { GIB, KIB, MIB } from '../src/limits.ts'
import { median, ratios } from './ratio.ts'

const ROUNDS = 15
const SLICE_MS = 20
const FILE_ROUNDS = 7

const print = (line: string): boolean => process.stdout.write(`${line}\n`)
const row = (title: string, ...figures: readonly (number | string)[]): boolean =>
  print(
    [
      title.padEnd(44),
      ...figures.map((figure) =>
        (typeof figure === 'number' ? figure.toFixed(2) : figure).padStart(10),
      ),
    ].join(''),
  )

function inMemory(): void {
  row(`speed of ${engine().name}, as a multiple of:`, 'native', 'noble', 'plain TS')
  const scalar = new ScalarEngine()
  for (const size of [64, KIB, 4 * KIB, 16 * KIB, 64 * KIB, MIB, 16 * MIB]) {
    const value = Buffer.alloc(size, 'some bytes')
    const works = [
      () => hash(value),
      () => native(value),
      ...(size > MIB ? [] : [() => noble(value), () => hash(value, { engine: scalar })]),
    ]
    row(`  ${size} bytes`, ...ratios(works, ROUNDS, SLICE_MS).slice(1))
  }
}

function trees(): void {
  const value = new Uint8Array(16 * MIB).map((_, i) => i % 251)
  const { digest, outboard } = hash(value)
  const size = value.byteLength
  const pieces = [...planPieces(size, { start: 0, end: size })].map((piece) => {
    const pairs = piece.outboard.map(({ start, end }) => outboard.subarray(start, end))
    const proof = concat([...(piece.isFirst ? [encodeHeader(size)] : []), ...pairs])
    return { piece, proof, groups: value.subarray(piece.data.start, piece.data.end) }
  })
  const verify = (runBytes: number) => (): void => {
    const decoder = new PieceDecoder({ digest, size })
    for (const { piece, proof, groups } of pieces) {
      decoder.proof(piece, proof)
      for (let at = 0; at < groups.byteLength; at += runBytes)
        decoder.groups(groups.subarray(at, at + runBytes))
    }
  }
  // Groups as large as they can be: a sixteenth of the parents, as near to no outboard as this code
  // goes.
  const plain = (): unknown => hash(value, { groupBytes: 256 * KIB })
  const works = [plain, () => hash(value), verify(64 * KIB), verify(MIB)]
  const [, outboardCost, frameCost, pieceCost] = ratios(works, ROUNDS, 3 * SLICE_MS)
  row('time, as a multiple of the plain hash')
  row('  with the outboard of 16 KiB groups', outboardCost!)
  row('  verifying pieces in runs of 64 KiB', frameCost!)
  row('  verifying pieces of 1 MiB at once', pieceCost!)
}

/** Wall time in milliseconds of a process, and what it printed. */
function timed(command: string, ...args: string[]): { ms: number; output: string } {
  const started = performance.now()
  const output = execFileSync(command, args, { encoding: 'utf8' })
  return { ms: performance.now() - started, output }
}

function files(folder: string): void {
  const path = join(folder, 'value')
  const megabyte = new Uint8Array(MIB)
  for (let i = 0; i < 1024; i++) {
    new DataView(megabyte.buffer).setUint32(0, i)
    writeFileSync(path, megabyte, { flag: 'a' })
  }
  const module = new URL('../src/store/file/file-hasher.js', import.meta.url).href
  const script = (parallelBytes: string): string => `
    import { hashFile } from ${JSON.stringify(module)}
    let peak = 0
    const sample = () => { peak = Math.max(peak, process.memoryUsage().rss) }
    setInterval(sample, 5).unref()
    const started = performance.now()
    await hashFile(${JSON.stringify(path)}, { parallelBytes: ${parallelBytes} })
    sample()
    console.log(performance.now() - started, peak / 1024 / 1024)`
  const ours = (parallelBytes: string): [ms: number, mib: number] =>
    timed(process.execPath, '--input-type=module', '-e', script(parallelBytes))
      .output.split(' ')
      .map(Number) as [number, number]
  const cli = ['dist/dstore.js', 'cid', path]
  const b3sum = (...args: string[]): number => timed('b3sum', ...args, path).ms
  const rounds = Array.from({ length: FILE_ROUNDS }, () => {
    const [one, oneMib] = ours('Infinity')
    const [two, twoMib] = ours('0')
    return {
      one: b3sum('--num-threads', '1') / one,
      two: b3sum('--num-threads', '2') / two,
      cid: b3sum() / timed(process.execPath, ...cli).ms,
      mib: Math.max(oneMib, twoMib),
      oneMs: one,
      twoMs: two,
    }
  })
  const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick))
  row(`a file of ${GIB} bytes: speed, as a multiple of b3sum's`)
  row(
    '  one thread',
    of(({ one }) => one),
    `${of(({ oneMs }) => oneMs).toFixed(0)} ms`,
  )
  row(
    `  threads (${cpus().length} processors)`,
    of(({ two }) => two),
    `${of(({ twoMs }) => twoMs).toFixed(0)} ms`,
  )
  row(
    '  dstore cid, whole processes',
    of(({ cid }) => cid),
  )
  row('  largest resident memory, MiB', Math.max(...rounds.map(({ mib }) => mib)))
}

print(`${cpus()[0]!.model}, Node ${process.version}, engine: ${engine().name}`)
inMemory()
trees()
const folder = mkdtempSync(join(tmpdir(), 'dstore-bench-'))
try {
  execFileSync('b3sum', ['--version'])
  files(folder)
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  print('b3sum is not installed: files were not measured')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
