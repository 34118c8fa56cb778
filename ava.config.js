import { availableParallelism } from 'node:os'

// `*.test.ts` runs always; `*.slow.ts`, what takes minutes or the network, with `npm run test:slow`.
const slow = process.env.DSTORE_TEST_SLOW !== undefined

export default {
  files: [`dist/test/**/*.${slow ? 'slow' : 'test'}.js`],
  timeout: slow ? '30m' : '3m',
  workerThreads: false,
  // Half of what is tested is time that passes: one file more than there are cores keeps them at work.
  concurrency: availableParallelism() + 1,
}
