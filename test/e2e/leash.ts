/** Preloaded into a daemon under test: it ends with the test process that holds its standard input, however that ends. */
import { isMainThread } from 'node:worker_threads'

// Threads get the same preload, and a standard input that ends at once.
if (isMainThread) {
  process.stdin.on('close', () => process.exit())
  process.stdin.on('error', () => process.exit())
  process.stdin.resume()
}
