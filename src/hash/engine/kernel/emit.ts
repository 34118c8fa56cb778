/**
 * The BLAKE3 kernel as a WebAssembly module. `npm run kernel` writes it to ../kernel-bytes.ts,
 * which is committed; a test compares the two. It must not be optimised: optimisers move constants
 * to their use, which is slow (see rounds.ts).
 */
import { assemble } from './assembler.ts'
import { emitFour } from './lanes.ts'
import { MEMORY_PAGES } from './layout.ts'
import { emitOne } from './rows.ts'

export function emitKernel(): Uint8Array {
  return assemble([emitFour(), emitOne()], MEMORY_PAGES)
}

/** The text of ../kernel-bytes.ts. */
export function kernelSource(): string {
  const base64 = Buffer.from(emitKernel()).toString('base64')
  const lines = base64.match(/.{1,110}/g)!.map((line) => `  '${line}'`)
  return [
    "/** The BLAKE3 kernel in WebAssembly, base64. Generated from kernel/emit.ts by 'npm run kernel'. */",
    'export const KERNEL_BASE64: string =',
    `${lines.join(' +\n')}\n`,
  ].join('\n')
}
