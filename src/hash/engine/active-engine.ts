/** Which engine this process hashes with, and why. */
import { disproof } from './engine-proof.ts'
import type { Engine, EngineName } from './engine.ts'
import { KernelEngine } from './kernel-engine.ts'
import { openNative } from './native/open-native.ts'
import type { NativeFinding } from './native/open-native.ts'
import { ScalarEngine } from './scalar-engine.ts'

export interface EngineStatus {
  readonly name: EngineName
  /** One line for users: why it was chosen. */
  readonly reason: string
  /** One line for users: why a native addon that is there is not used. */
  readonly refused?: string
}

interface Choice extends EngineStatus {
  readonly engine: Engine
}

let choice: Choice | undefined

/** The default engine. The first call chooses and tests it. */
export function activeEngine(): Engine {
  choice ??= chooseEngine(() => new KernelEngine(), openNative)
  return choice.engine
}

/** The engine in use. Chooses one if nothing was hashed yet. */
export function engine(): EngineStatus {
  activeEngine()
  const { engine: _, ...status } = choice!
  return status
}

/**
 * The kernel if it runs and agrees with the oracle, else plain TypeScript; on top of it the native
 * addon, if `findNative` finds one that agrees with both.
 */
export function chooseEngine(
  create: () => Engine,
  findNative: (proved: Engine) => NativeFinding = () => ({ kind: 'none' }),
): Choice {
  const portable = choosePortable(create)
  const native = findNative(portable.engine)
  if (native.kind === 'none') return portable
  if (native.kind === 'refused') return { ...portable, refused: native.reason }
  const reason = `the addon ${native.path} agrees with the reference on this machine`
  return { engine: native.engine, name: native.engine.name, reason }
}

function choosePortable(create: () => Engine): Choice {
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
