/** Every engine, for tests that must hold for all of them. */
import type { Engine } from '../../src/hash/engine.ts'
import { KernelEngine } from '../../src/hash/kernel-engine.ts'
import { ScalarEngine } from '../../src/hash/scalar-engine.ts'

export const ENGINES: readonly Engine[] = [new KernelEngine(), new ScalarEngine()]
