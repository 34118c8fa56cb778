/** Which engine this process hashes with, and why. */
import type { Engine, EngineName } from './engine.ts'
import { ScalarEngine } from './scalar-engine.ts'

export interface EngineStatus {
  readonly name: EngineName
  /** One line for a person. */
  readonly reason: string
}

let active: Engine | undefined

/** The engine that everything hashes with unless it is given another. Chosen at the first call. */
export function activeEngine(): Engine {
  active ??= new ScalarEngine()
  return active
}

/** For `status`: the engine in use. Chooses it where nothing was hashed yet. */
export function engine(): EngineStatus {
  return { name: activeEngine().name, reason: 'plain TypeScript' }
}
