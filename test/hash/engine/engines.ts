/** Every engine, for tests that must hold for all of them. */
import type { Engine } from '../../../src/hash/engine/engine.ts'
import { KernelEngine } from '../../../src/hash/engine/kernel-engine.ts'
import { openNative } from '../../../src/hash/engine/native/open-native.ts'
import { ScalarEngine } from '../../../src/hash/engine/scalar-engine.ts'

const native = openNative(new KernelEngine())

/** The addon too, where someone built it: `npm run test:native` does. */
export const ENGINES: readonly Engine[] = [
  new KernelEngine(),
  new ScalarEngine(),
  ...(native.kind === 'used' ? [native.engine] : []),
]
