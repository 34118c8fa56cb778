// `*.test.ts` runs always; `*.slow.ts`, what takes minutes or the network, with `npm run test:slow`.
const slow = process.env.DSTORE_TEST_SLOW !== undefined

export default {
  files: [`dist/test/**/*.${slow ? 'slow' : 'test'}.js`],
  timeout: slow ? '30m' : '3m',
  workerThreads: false,
}
