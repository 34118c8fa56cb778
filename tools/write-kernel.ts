/** Writes src/hash/kernel-bytes.ts from its generator: `npm run kernel`. */
import { writeFileSync } from 'node:fs'
import { kernelSource } from '../src/hash/kernel/emit.ts'

writeFileSync(new URL('../../src/hash/kernel-bytes.ts', import.meta.url), kernelSource())
