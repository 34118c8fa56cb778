/** Which engine this process hashes with, and why. */
import { blake3 } from '@noble/hashes/blake3.js'
import { equal } from '../../bytes.ts'
import { CHUNK_BYTES, DIGEST_BYTES } from '../../limits.ts'
import type { Engine, EngineName } from './engine.ts'
import { KernelEngine } from './kernel-engine.ts'
import { ScalarEngine } from './scalar-engine.ts'

export interface EngineStatus {
  readonly name: EngineName
  /** One line for users: why it was chosen. */
  readonly reason: string
}

interface Choice extends EngineStatus {
  readonly engine: Engine
}

let choice: Choice | undefined

/** The default engine. The first call chooses and tests it. */
export function activeEngine(): Engine {
  choice ??= chooseEngine(() => new KernelEngine())
  return choice.engine
}

/** The engine in use, for `status`. Chooses one if nothing was hashed yet. */
export function engine(): EngineStatus {
  choice ??= chooseEngine(() => new KernelEngine())
  return { name: choice.name, reason: choice.reason }
}

/** The kernel if it runs and agrees with the oracle, else plain TypeScript. */
export function chooseEngine(create: () => Engine): Choice {
  let reason: string
  try {
    const kernel = create()
    const wrong = disproof(kernel)
    if (wrong === undefined) {
      return {
        engine: kernel,
        name: kernel.name,
        reason: 'agrees with the reference on this machine',
      }
    }
    reason = `the fast kernel is wrong on this machine (${wrong})`
  } catch (error) {
    reason = `the fast kernel does not run here (${error instanceof Error ? error.message : String(error)})`
  }
  return { engine: new ScalarEngine(), name: 'typescript', reason }
}

/** Nothing; one block; a chunk and a byte; enough for full lanes, idle lanes and an odd tree. */
const PROOF_BYTES = [0, 64, CHUNK_BYTES + 1, 7 * CHUNK_BYTES + 100]

/** The first disagreement of engine and oracle, or undefined. Takes about a millisecond. */
function disproof(engine: Engine): string | undefined {
  const digest = new Uint8Array(DIGEST_BYTES)
  for (const length of PROOF_BYTES) {
    const value = Uint8Array.from({ length }, (_, i) => (i * 151) >> 3)
    engine.subtree(value, 0, true, digest, 0)
    if (!equal(digest, blake3(value))) return `at ${length} bytes`
  }
  // Groups and parents are another path to the same root.
  const value = Uint8Array.from({ length: 4 * CHUNK_BYTES }, (_, i) => i >> 2)
  const cvs = new Uint8Array(2 * DIGEST_BYTES)
  engine.groups([value], 0, 2 * CHUNK_BYTES, cvs, 0)
  engine.parent(cvs, 0, true, digest, 0)
  if (!equal(digest, blake3(value))) return 'in the tree'
  const pairs = new Uint8Array(4 * DIGEST_BYTES)
  engine.groups([value], 0, CHUNK_BYTES, pairs, 0)
  engine.parents(pairs, cvs)
  engine.parent(cvs, 0, true, digest, 0)
  return equal(digest, blake3(value)) ? undefined : 'in the pairs of a proof'
}
