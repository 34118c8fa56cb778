/** Writes src/hash/engine/kernel-bytes.ts from its generator: `npm run kernel`. */
import { writeFileSync } from 'node:fs'
import { kernelSource } from '../src/hash/engine/kernel/emit.ts'

writeFileSync(new URL('../../src/hash/engine/kernel-bytes.ts', import.meta.url), kernelSource())
