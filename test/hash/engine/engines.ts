/** Every engine, for tests that must hold for all of them. */
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { KernelEngine } from '../../../src/hash/engine/kernel-engine.ts'
import { ScalarEngine } from '../../../src/hash/engine/scalar-engine.ts'

export const ENGINES: readonly Engine[] = [new KernelEngine(), new ScalarEngine()]
