/**
 * Proves groups as another thread does, for tests: later, and while nobody else has their memory.
 */
import { activeEngine } from '../../src/hash/engine/active-engine.ts'
import { wrongGroup } from '../../src/hash/proof/group-check.ts'
import { notTheValues } from '../../src/hash/proof/piece-decoder.ts'
import type { GroupChecker } from '../../src/hash/proof/group-check.ts'

/** As another thread proves: the memory is gone meanwhile, and comes back as another buffer. */
export const elsewhere: GroupChecker = {
  async check({ buffer }, at, length, groups) {
    const memory = structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }) as ArrayBuffer
    await new Promise((resolve) => setImmediate(resolve))
    const wrong = wrongGroup(new Uint8Array(memory, at, length), groups, activeEngine())
    if (wrong !== undefined) throw notTheValues(wrong)
    return new Uint8Array(memory)
  },
}
