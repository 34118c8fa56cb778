/** Preloaded into a daemon under test: ends it with the test process that holds its stdin. */
import { isMainThread } from 'node:worker_threads'

// Threads load this too, with a stdin that ends immediately.
if (isMainThread) {
  process.stdin.on('close', () => process.exit())
  process.stdin.on('error', () => process.exit())
  process.stdin.resume()
}
